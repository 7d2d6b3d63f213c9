{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.free_space_count'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    local_at,
    area_id,
    free_spaces,
    total_spaces
from {{ ref('stg_free_space_count') }}
