-- Exits over time: the recording cut into $slices equal parts by instruction.
--   from_icount   first instruction of the slice
--   exits, cost   exits that began in the slice, and the instructions they cost
--   top_reason    the most expensive reason in the slice
WITH bounds AS (SELECT max(icount) + 1 AS total FROM exits),
sliced AS (
  SELECT least(floor(icount::DOUBLE / total * $slices), $slices - 1)::INTEGER AS slice, reason, cost, total
  FROM exits, bounds
),
by_reason AS (
  SELECT slice, any_value(total) AS total, reason, count(*) AS exits, coalesce(sum(cost), 0) AS cost
  FROM sliced GROUP BY slice, reason
)
SELECT
  floor(slice * any_value(total) / $slices)::UBIGINT AS from_icount,
  sum(exits)::UBIGINT AS exits,
  sum(cost)::UBIGINT AS cost,
  arg_max(reason, cost) AS top_reason
FROM by_reason GROUP BY slice ORDER BY slice
