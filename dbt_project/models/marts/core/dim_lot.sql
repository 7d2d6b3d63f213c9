{{ config(materialized='incremental', incremental_strategy='whole', unique_key=['lot_id']) }}
select
    lot_id,
    code,
    name,
    customer_id,
    customer_name,
    region,
    address,
    longitude,
    latitude,
    time_zone,
    cutover_minutes,
    is_test,
    is_void
from {{ source('entities', 'lot') }}
