-- Cost of exits by reason, in powers of two.
--   reason        exit reason
--   from_cost     the bucket holds exits of from_cost to 2 * from_cost - 1 instructions
--   exits         number of exits in it
SELECT reason, (2 ** floor(log2(greatest(cost, 1))))::UBIGINT AS from_cost, count(*) AS exits
FROM exits WHERE cost IS NOT NULL
GROUP BY ALL ORDER BY reason, from_cost
