-- Criteria set of SHA-256 48850a34cf995b28df0d33342d595085282c32150fda2304573d684bf6581f65
-- Dialect: spark
-- One row an item: 1 = hit, 0 = no hit, NULL = not evaluable (a missing value leaves it open)
-- Needs: Text columns have the default collation, UTF8_BINARY, and spark.sql.parser.escapedStringLiterals is false.
-- Columns of declarations beside declaration_id and item_no:
--   flow: a text, import, export or transit
--   importer_id: a text, who buys
--   origin_country_code: a text, declared country of origin, ISO 3166 alpha-2
--   departure_country_code: a text, country of departure, ISO 3166 alpha-2
--   preference_code: a text, tariff preference or type of duty claimed
--   duty_rate: a number, declared ad valorem duty rate
--   quantity_unit_code: a text, supplementary unit of quantity
--   customs_value_usd: a number, declared customs value
--   hs2: a text, derived: first two digits of the HS code: the chapter
--   unit_value_usd_per_kg: a number, derived: declared customs value per kilogram of net mass
--   net_mass_kg_per_quantity: a number, derived: declared net mass per supplementary unit
--   importer_declarations: a number, profile of history, as known at lodgement
--   hs6_median_unit_value_usd_per_kg: a number, profile of history, as known at lodgement
--   hs6_median_net_mass_kg_per_quantity: a number, profile of history, as known at lodgement
--   hs6_origin_median_unit_value_usd_per_kg: a number, profile of history, as known at lodgement
WITH prepared_items AS (
  SELECT
    declaration_id,
    item_no,
    flow,
    importer_id,
    origin_country_code,
    departure_country_code,
    preference_code,
    CASE WHEN duty_rate = 0 OR ABS(duty_rate) > 1e-50 AND ABS(duty_rate) < 1e+50 THEN CAST(duty_rate AS DOUBLE) END AS duty_rate,
    quantity_unit_code,
    CASE WHEN customs_value_usd = 0 OR ABS(customs_value_usd) > 1e-50 AND ABS(customs_value_usd) < 1e+50 THEN CAST(customs_value_usd AS DOUBLE) END AS customs_value_usd,
    hs2,
    CASE WHEN unit_value_usd_per_kg = 0 OR ABS(unit_value_usd_per_kg) > 1e-50 AND ABS(unit_value_usd_per_kg) < 1e+50 THEN CAST(unit_value_usd_per_kg AS DOUBLE) END AS unit_value_usd_per_kg,
    CASE WHEN net_mass_kg_per_quantity = 0 OR ABS(net_mass_kg_per_quantity) > 1e-50 AND ABS(net_mass_kg_per_quantity) < 1e+50 THEN CAST(net_mass_kg_per_quantity AS DOUBLE) END AS net_mass_kg_per_quantity,
    CASE WHEN importer_declarations = 0 OR ABS(importer_declarations) > 1e-50 AND ABS(importer_declarations) < 1e+50 THEN CAST(importer_declarations AS DOUBLE) END AS importer_declarations,
    CASE WHEN hs6_median_unit_value_usd_per_kg = 0 OR ABS(hs6_median_unit_value_usd_per_kg) > 1e-50 AND ABS(hs6_median_unit_value_usd_per_kg) < 1e+50 THEN CAST(hs6_median_unit_value_usd_per_kg AS DOUBLE) END AS hs6_median_unit_value_usd_per_kg,
    CASE WHEN hs6_median_net_mass_kg_per_quantity = 0 OR ABS(hs6_median_net_mass_kg_per_quantity) > 1e-50 AND ABS(hs6_median_net_mass_kg_per_quantity) < 1e+50 THEN CAST(hs6_median_net_mass_kg_per_quantity AS DOUBLE) END AS hs6_median_net_mass_kg_per_quantity,
    CASE WHEN hs6_origin_median_unit_value_usd_per_kg = 0 OR ABS(hs6_origin_median_unit_value_usd_per_kg) > 1e-50 AND ABS(hs6_origin_median_unit_value_usd_per_kg) < 1e+50 THEN CAST(hs6_origin_median_unit_value_usd_per_kg AS DOUBLE) END AS hs6_origin_median_unit_value_usd_per_kg
  FROM declarations
)
SELECT
  declaration_id,
  item_no,
  -- undervalued-for-origin: Unit value far below the origin's median
  CAST(flow = 'import'
  AND unit_value_usd_per_kg < 0.4 * hs6_origin_median_unit_value_usd_per_kg
  AND customs_value_usd >= 1000 AS INT) AS `undervalued-for-origin`,
  -- preference-via-third-country: Tariff preference claimed on goods that left a third country
  CAST(flow = 'import'
  AND NOT preference_code IN ('MFN', 'EXEMPT')
  AND departure_country_code <> origin_country_code AS INT) AS `preference-via-third-country`,
  -- light-for-quantity: Net mass far below what the quantity usually weighs
  CAST(flow = 'import'
  AND net_mass_kg_per_quantity < 0.5 * hs6_median_net_mass_kg_per_quantity
  AND quantity_unit_code <> 'KGM' AS INT) AS `light-for-quantity`,
  -- low-duty-in-high-duty-chapter: Low declared rate in a chapter of high duties
  CAST(flow = 'import'
  AND hs2 IN ('22', '24', '61', '62', '64', '87')
  AND duty_rate < 0.05
  AND customs_value_usd > 5000 AS INT) AS `low-duty-in-high-duty-chapter`,
  -- prohibited-goods-route: Sensitive chapter from a departure of risk
  CAST(flow = 'import'
  AND hs2 IN ('22', '24', '29', '30', '71')
  AND departure_country_code IN ('AE', 'HK', 'KH', 'LA', 'MM') AS INT) AS `prohibited-goods-route`,
  -- new-importer-high-value: New importer with a high value
  CAST(flow = 'import' AND importer_declarations < 5 AND customs_value_usd > 50000 AS INT) AS `new-importer-high-value`,
  -- watched-importer: Importer on the watch list
  CAST(importer_id IN ('T0002159', 'T0006673', 'T0007075') AS INT) AS `watched-importer`,
  -- implausible-unit-value: Unit value out of all proportion
  CAST(unit_value_usd_per_kg > 8 * hs6_median_unit_value_usd_per_kg
  OR unit_value_usd_per_kg < hs6_median_unit_value_usd_per_kg / 8 AS INT) AS `implausible-unit-value`
FROM prepared_items
