{{ config(materialized='table') }}
select
    lot_id,
    area_id,
    name,
    parent_area_id,
    is_inner
from {{ source('entities', 'area') }}
