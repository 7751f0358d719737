-- The ledger of exits, most expensive first.
--   vm            VTTBR_EL2's VMID, as text
--   reason        exit reason as perf kvm stat names it
--   sub_reason    device register, system register, function; empty where there is none
--   exits         number of exits
--   cost          instructions executed for them until the return below EL2
--   share         part of all exit cost, in percent
--   mean, p50, p99, most   instructions of one exit
--   mean_ns       virtual time of one exit, in ns
--   unreturned    exits that had not returned when the recording ended
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
FROM exits
GROUP BY ALL
ORDER BY cost DESC, exits DESC, reason, sub_reason, vm
