with passage as (
    select lot_id, business_date, count(*) as exits
    from {{ get_where_subquery(ref('fct_passage')) }}
    where direction = 'exit'
    group by lot_id, business_date
),

stay as (
    select lot_id, business_date, count(*) as exits
    from {{ ref('fct_stay') }}
    where exit_record_id is not null
        and (lot_id, business_date) in (select lot_id, business_date from passage)
    group by lot_id, business_date
)

select passage.lot_id, passage.business_date
from passage
left join stay on stay.lot_id = passage.lot_id and stay.business_date = passage.business_date
where stay.exits is distinct from passage.exits
