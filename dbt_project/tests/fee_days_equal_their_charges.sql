-- Both bases of the daily fees hold every fen of the charges of the day.
with fact as (
    select lot_id, business_date, sum(receivable) as receivable, sum(received) as received
    from {{ get_where_subquery(ref('fct_charge')) }}
    group by lot_id, business_date
),

report as (
    select lot_id, business_date, sum(receivable) as receivable, sum(received) as received
    from {{ ref('rpt_fee_day') }}
    where basis = 'payment'
        and (lot_id, business_date) in (select lot_id, business_date from fact)
    group by lot_id, business_date
)

select fact.lot_id, fact.business_date
from fact
left join report on report.lot_id = fact.lot_id and report.business_date = fact.business_date
where report.received is distinct from fact.received
    or report.receivable is distinct from fact.receivable
