{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'vehicle_class'],
    touched_by=['fct_stay'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date'],
    keeps_closed_days=true
) }}
select
    stay.lot_id,
    stay.business_date,
    stay.vehicle_class,
    count(*) filter (where stay.state = 'closed' and not stay.is_bad) as stays,
    count(*) filter (where stay.is_bad) as bad_stays,
    count(*) filter (where stay.state = 'orphan_exit') as orphan_exits,
    count(*) filter (where stay.state = 'missing_exit') as missing_exits,
    count(*) filter (where stay.state = 'open') as open_stays,
    cast(coalesce(sum(stay.duration_seconds) filter (where stay.state = 'closed' and not stay.is_bad), 0) as bigint)
    as duration_seconds
from {{ ref('fct_stay') }} as stay
where not stay.is_inner
{%- if is_incremental() %}
    and {{ touched(['fct_stay'], 'stay') }}
{%- endif %}
group by stay.lot_id, stay.business_date, stay.vehicle_class
