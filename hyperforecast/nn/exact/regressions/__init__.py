"""Ridge regressions solved from moments."""
