-- The ledger of exits, most expensive first.
--   vm            VTTBR_EL2's VMID, as text
--   reason        exit reason as perf kvm stat names it
--   sub_reason    device register, system register, function; empty where there is none. Addresses that exited once each, which a
--                 guest's first touches of its memory do, are one row where there are many
--   exits         number of exits
--   cost          instructions executed for them until the return below EL2
--   share         part of all exit cost, in percent
--   mean, p50, p99, most   instructions of one exit
--   mean_ns       virtual time of one exit, in ns
--   unreturned    exits that had not returned when the recording ended
WITH counted AS (
  SELECT *,
    reason IN ('DABT_LOW', 'IABT_LOW') AND sub_reason LIKE '0x%'
      AND count(*) OVER (PARTITION BY vmid, reason, sub_reason) = 1 AS once,
    regexp_replace(sub_reason, '^0x[0-9a-f]+ ', '') AS access
  FROM exits
), named AS (
  SELECT * REPLACE (
    CASE WHEN once AND count(*) OVER (PARTITION BY vmid, reason, once, access) > 3
      THEN 'memory ' || access || ', each address once' ELSE sub_reason END AS sub_reason)
  FROM counted
)
SELECT
  'vm ' || vmid AS vm,
  reason,
  sub_reason,
  count(*) AS exits,
  coalesce(sum(cost), 0)::UBIGINT AS cost,
  round(100.0 * coalesce(sum(cost), 0) / nullif(sum(sum(cost)) OVER (), 0), 1) AS share,
  round(avg(cost), 1) AS mean,
  quantile_disc(cost, 0.5) AS p50,
  quantile_disc(cost, 0.99) AS p99,
  max(cost) AS most,
  round(avg(cost_ns), 1) AS mean_ns,
  count(*) FILTER (cost IS NULL) AS unreturned
FROM named
GROUP BY ALL
ORDER BY cost DESC, exits DESC, reason, sub_reason, vm
