{{ config(materialized='incremental', incremental_strategy='whole', unique_key=['lot_id', 'area_id', 'valid_from']) }}
select
    lot_id,
    area_id,
    valid_from,
    valid_to,
    spaces
from {{ source('entities', 'capacity') }}
