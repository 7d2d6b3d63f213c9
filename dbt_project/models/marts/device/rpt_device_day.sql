{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'device_id'],
    touched_by=['fct_device_interval'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date']
) }}
with known as (
    select
        device_interval.lot_id,
        device_interval.business_date,
        device_interval.device_id,
        max_by(device_interval.device_type, device_interval.started_at) as device_type,
        {%- for state in ['online', 'offline', 'fault'] %}
        coalesce(sum({{ microseconds_between('device_interval.started_at', 'device_interval.ended_at') }}) filter (
            where device_interval.state = '{{ state }}'
        ), 0) as {{ state }}_microseconds{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('fct_device_interval') }} as device_interval
    {% if is_incremental() -%}
    where {{ touched(['fct_device_interval'], 'device_interval') }}
    {% endif -%}
    group by device_interval.lot_id, device_interval.business_date, device_interval.device_id
)

select
    known.lot_id,
    known.business_date,
    known.device_id,
    known.device_type,
    cast(floor(known.online_microseconds / 1000000.0) as bigint) as online_seconds,
    cast(floor(known.offline_microseconds / 1000000.0) as bigint) as offline_seconds,
    cast(floor(known.fault_microseconds / 1000000.0) as bigint) as fault_seconds,
    cast(greatest(
        {{ seconds_between(
            instant_of(plus_minutes('cast(known.business_date as timestamp)', 'lot.cutover_minutes'), 'lot.time_zone'),
            instant_of(plus_minutes('cast(known.business_date + 1 as timestamp)', 'lot.cutover_minutes'), 'lot.time_zone')
        ) }}
        - cast(ceil((known.online_microseconds + known.offline_microseconds + known.fault_microseconds) / 1000000.0)
        as bigint), 0
    ) as bigint) as unknown_seconds
from known
inner join {{ ref('dim_lot') }} as lot on lot.lot_id = known.lot_id
