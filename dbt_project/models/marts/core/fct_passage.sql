{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'kind', 'record_id'],
    touched_by=sources_sharing_a_fact('entry'),
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
{%- for kind, direction, is_inner in [
    ('entry', 'entry', false), ('exit', 'exit', false), ('inner_entry', 'entry', true), ('inner_exit', 'exit', true)
] %}
select
    lot_id,
    business_date,
    '{{ kind }}' as kind,
    record_id,
    '{{ direction }}' as direction,
    {{ is_inner }} as is_inner,
    occurred_at,
    local_at,
    plate,
    plate_color,
    vehicle_class,
    charge_class,
    owner_name,
    gate_id,
    controller_id,
    area_id,
    remark,
    {{ 'release_mode' if direction == 'exit' else 'cast(null as varchar)' }} as release_mode,
    {{ 'entry_record_id' if direction == 'exit' else 'cast(null as varchar)' }} as entry_record_id,
    {{ 'entered_at' if direction == 'exit' else 'cast(null as timestamptz)' }} as entered_at,
    mode,
    received_at,
    marks
from {{ ref('stg_' ~ kind) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
