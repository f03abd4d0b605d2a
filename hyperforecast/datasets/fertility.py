"""Fertility rates of the countries of the world, by the year."""

import pandas as pd


def load_fertility() -> pd.DataFrame:
    """Load fertility rates of 192 countries, 1960 to 2011, without gaps.

    Returns
    -------
    DataFrame, shape (52, 192), float64
        Births per woman; a row for each year (indexed by its first day), a column for each
        country. The countries are those of which every year is known.

    Raises
    ------
    ModuleNotFoundError
        If statsmodels is not installed.

    References
    ----------
    World Bank, World Development Indicators, series SP.DYN.TFRT.IN, as packaged in
    ``statsmodels.datasets.fertility``.
    """
    try:
        from statsmodels.datasets import fertility
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "The series come with statsmodels, which is not installed: pip install statsmodels.",
            name=error.name,
        ) from error

    table = fertility.load_pandas().data
    countries = table.set_index("Country Name").drop(
        columns=["Country Code", "Indicator Name", "Indicator Code"]
    )
    rates = countries.T.loc["1960":"2011"].dropna(axis="columns").astype(float)
    rates.index = pd.date_range("1960-01-01", periods=len(rates), freq="YS", name="year")
    rates.columns = pd.Index(map(str, rates.columns), name="country")
    return rates
