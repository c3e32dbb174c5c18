-- Criteria set of SHA-256 839fd274a6be1f490fdea0b18d664a56d5e08c0273351e31e27eee208d02e32e
-- Dialect: oracle
-- One row an item: 1 = hit, 0 = no hit, NULL = not evaluable (a missing value leaves it open)
-- Needs: NLS_COMP = BINARY and NLS_SORT = BINARY: texts are compared by their code points.
-- Needs: Text columns are VARCHAR2 in AL32UTF8 and an empty text is a missing one, as in the workbench.
-- Needs: SET DEFINE OFF where the client replaces words after an ampersand.
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
    origin_country_code,
    departure_country_code,
    CASE WHEN duty_rate = 0 OR ABS(duty_rate) > 1e-50 AND ABS(duty_rate) < 1e+50 THEN TO_BINARY_DOUBLE(duty_rate) END AS duty_rate,
    CASE WHEN customs_value_usd = 0 OR ABS(customs_value_usd) > 1e-50 AND ABS(customs_value_usd) < 1e+50 THEN TO_BINARY_DOUBLE(customs_value_usd) END AS customs_value_usd,
    CASE WHEN unit_value_usd_per_kg = 0 OR ABS(unit_value_usd_per_kg) > 1e-50 AND ABS(unit_value_usd_per_kg) < 1e+50 THEN TO_BINARY_DOUBLE(unit_value_usd_per_kg) END AS unit_value_usd_per_kg,
    CASE WHEN importer_declarations = 0 OR ABS(importer_declarations) > 1e-50 AND ABS(importer_declarations) < 1e+50 THEN TO_BINARY_DOUBLE(importer_declarations) END AS importer_declarations,
    CASE WHEN hs6_origin_median_unit_value_usd_per_kg = 0 OR ABS(hs6_origin_median_unit_value_usd_per_kg) > 1e-50 AND ABS(hs6_origin_median_unit_value_usd_per_kg) < 1e+50 THEN TO_BINARY_DOUBLE(hs6_origin_median_unit_value_usd_per_kg) END AS hs6_origin_median_unit_value_usd_per_kg
  FROM declarations
)
SELECT
  declaration_id,
  item_no,
  -- undervalued-for-origin: Unit value far below the origin's median
  CASE
    WHEN unit_value_usd_per_kg < 0.1 * hs6_origin_median_unit_value_usd_per_kg
    THEN 1
    WHEN NOT (
      unit_value_usd_per_kg < 0.1 * hs6_origin_median_unit_value_usd_per_kg
    )
    THEN 0
  END AS "undervalued-for-origin",
  -- zero-duty-via-third-country: No duty on goods that left a third country
  CASE
    WHEN duty_rate = 0 AND origin_country_code <> departure_country_code
    THEN 1
    WHEN NOT (
      duty_rate = 0 AND origin_country_code <> departure_country_code
    )
    THEN 0
  END AS "zero-duty-via-third-country",
  -- new-importer-high-value: New importer with a high value
  CASE
    WHEN importer_declarations < 2 AND customs_value_usd > 1000000
    THEN 1
    WHEN NOT (
      importer_declarations < 2 AND customs_value_usd > 1000000
    )
    THEN 0
  END AS "new-importer-high-value"
FROM prepared_items
