-- Exceptions by kind and level, from instruction $from on.
--   kind            synchronous, irq, virtual irq, …: as table exceptions has it
--   from_el, to_el  exception level before and after
--   entries         number of them
--   first_icount    the instruction at which the first of them happened
SELECT kind, from_el, to_el, count(*) AS entries, min(icount) AS first_icount
FROM exceptions
WHERE kind NOT IN ('return', 'reset') AND icount >= $from
GROUP BY ALL
ORDER BY entries DESC, kind, from_el, to_el
