{{ config(materialized='table') }}
select
    lot_id,
    area_id,
    valid_from,
    valid_to,
    spaces
from {{ source('entities', 'capacity') }}
