{{ config(materialized='incremental', incremental_strategy='whole', unique_key=['lot_id', 'area_id']) }}
select
    lot_id,
    area_id,
    name,
    parent_area_id,
    is_inner
from {{ source('entities', 'area') }}
