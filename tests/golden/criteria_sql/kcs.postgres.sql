-- Criteria set of SHA-256 839fd274a6be1f490fdea0b18d664a56d5e08c0273351e31e27eee208d02e32e
-- Dialect: postgres
-- One row an item: 1 = hit, 0 = no hit, NULL = not evaluable (a missing value leaves it open)
-- Needs: The database is encoded as UTF8 with a locale of the provider libc or builtin: LOWER and UPPER use it.
-- Columns of declarations beside declaration_id and item_no:
--   origin_country_code: a text, declared country of origin, ISO 3166 alpha-2
--   departure_country_code: a text, country of departure, ISO 3166 alpha-2
--   duty_rate: a number, declared ad valorem duty rate
--   customs_value_usd: a number, declared customs value
--   unit_value_usd_per_kg: a number, derived: declared customs value per kilogram of net mass
--   importer_declarations: a number, profile of history, as known at lodgement
--   hs6_origin_median_unit_value_usd_per_kg: a number, profile of history, as known at lodgement
WITH prepared_items AS (
  SELECT
    declaration_id,
    item_no,
    origin_country_code COLLATE "C" AS origin_country_code,
    departure_country_code COLLATE "C" AS departure_country_code,
    CASE WHEN duty_rate = 0 OR ABS(duty_rate) > 1e-50 AND ABS(duty_rate) < 1e+50 THEN CAST(duty_rate AS DOUBLE PRECISION) END AS duty_rate,
    CASE WHEN customs_value_usd = 0 OR ABS(customs_value_usd) > 1e-50 AND ABS(customs_value_usd) < 1e+50 THEN CAST(customs_value_usd AS DOUBLE PRECISION) END AS customs_value_usd,
    CASE WHEN unit_value_usd_per_kg = 0 OR ABS(unit_value_usd_per_kg) > 1e-50 AND ABS(unit_value_usd_per_kg) < 1e+50 THEN CAST(unit_value_usd_per_kg AS DOUBLE PRECISION) END AS unit_value_usd_per_kg,
    CASE WHEN importer_declarations = 0 OR ABS(importer_declarations) > 1e-50 AND ABS(importer_declarations) < 1e+50 THEN CAST(importer_declarations AS DOUBLE PRECISION) END AS importer_declarations,
    CASE WHEN hs6_origin_median_unit_value_usd_per_kg = 0 OR ABS(hs6_origin_median_unit_value_usd_per_kg) > 1e-50 AND ABS(hs6_origin_median_unit_value_usd_per_kg) < 1e+50 THEN CAST(hs6_origin_median_unit_value_usd_per_kg AS DOUBLE PRECISION) END AS hs6_origin_median_unit_value_usd_per_kg
  FROM declarations
)
SELECT
  declaration_id,
  item_no,
  -- undervalued-for-origin: Unit value far below the origin's median
  CAST(unit_value_usd_per_kg < 0.1 * hs6_origin_median_unit_value_usd_per_kg AS INT) AS "undervalued-for-origin",
  -- zero-duty-via-third-country: No duty on goods that left a third country
  CAST(duty_rate = 0 AND origin_country_code <> departure_country_code AS INT) AS "zero-duty-via-third-country",
  -- new-importer-high-value: New importer with a high value
  CAST(importer_declarations < 2 AND customs_value_usd > 1000000 AS INT) AS "new-importer-high-value"
FROM prepared_items
