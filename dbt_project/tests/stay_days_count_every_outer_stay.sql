-- The list of stays is counted by its days instead of its rows.
with fact as (
    select lot_id, business_date, count(*) as stays
    from {{ get_where_subquery(ref('fct_stay')) }}
    where not is_inner
    group by lot_id, business_date
),

report as (
    select lot_id, business_date, sum(stays + bad_stays + orphan_exits + missing_exits + open_stays) as stays
    from {{ ref('rpt_stay_day') }}
    where (lot_id, business_date) in (select lot_id, business_date from fact)
    group by lot_id, business_date
)

select fact.lot_id, fact.business_date
from fact
left join report on report.lot_id = fact.lot_id and report.business_date = fact.business_date
where report.stays is distinct from fact.stays
    and not {{ on_closed_day('fact') }}
