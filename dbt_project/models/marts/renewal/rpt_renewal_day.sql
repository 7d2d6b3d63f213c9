{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'kind'],
    touched_by=['fct_renewal'],
    sorted_by=['lot_id', 'business_date']
) }}
select
    lot_id,
    business_date,
    kind,
    count(*) as renewals,
    cast(sum(amount) as decimal(18, 2)) as amount,
    {{ sum_of_methods() }}
from {{ ref('fct_renewal') }} as fct_renewal
{% if is_incremental() -%}
where {{ touched(['fct_renewal'], 'fct_renewal') }}
{% endif -%}
group by lot_id, business_date, kind
