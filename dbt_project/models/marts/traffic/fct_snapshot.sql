{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.snapshot'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    linked_kind,
    linked_record_id,
    content_hash,
    content_type,
    size_bytes,
    url
from {{ ref('stg_snapshot') }}
