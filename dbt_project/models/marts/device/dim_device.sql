{#- The latest report of each device. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_keys',
    unique_key=['lot_id', 'device_id'],
    pre_hook="{{ open_key_scope('fct_device_report', 'device_id') }}"
) }}
select
    report.lot_id,
    report.device_id,
    report.device_type,
    report.number,
    report.name,
    report.area_name,
    report.gate_id,
    report.gate_name,
    report.direction,
    report.ip,
    report.host_ip,
    report.vehicle_classes,
    report.is_virtual,
    report.state,
    report.login_operator,
    report.download_state,
    report.guidance_enabled,
    report.occurred_at as reported_at
from {{ ref('fct_device_report') }} as report
{% if is_incremental() -%}
where {{ in_key_scope('report', 'device_id') }}
{% endif -%}
qualify row_number() over (
    partition by report.lot_id, report.device_id
    order by report.occurred_at desc, report.record_id desc
) = 1
