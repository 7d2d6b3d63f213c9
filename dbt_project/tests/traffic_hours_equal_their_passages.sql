with fact as (
    select lot_id, business_date, count(*) as passages
    from {{ get_where_subquery(ref('fct_passage')) }}
    group by lot_id, business_date
),

report as (
    select lot_id, business_date, sum(entries + exits) as passages
    from {{ ref('rpt_traffic_hour') }}
    where (lot_id, business_date) in (select lot_id, business_date from fact)
    group by lot_id, business_date
)

select fact.lot_id, fact.business_date
from fact
left join report on report.lot_id = fact.lot_id and report.business_date = fact.business_date
where report.passages is distinct from fact.passages
    and not {{ on_closed_day('fact') }}
