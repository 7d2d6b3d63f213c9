{{ config(
    materialized='incremental',
    incremental_strategy='touched_keys',
    unique_key=['lot_id', 'stay_id'],
    scope_has_days=true,
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'exit_at'],
    pre_hook="{{ open_stay_scope() }}"
) }}
{%- set horizon = var('pairing_horizon_days') %}
with passage as (
    {% if is_incremental() -%}
    select * from fct_stay__passage
    {%- else -%}
    select {{ passage_columns('passage') }} from {{ ref('fct_passage') }} as passage
    {%- endif %}
),

-- An exit may name its entry; when several name one entry, the first exit has it.
linked as (
    select
        exits.lot_id,
        exits.is_inner,
        exits.kind as exit_kind,
        exits.record_id as exit_record_id,
        entries.record_id as entry_record_id,
        entries.direction as entry_direction
    from passage as exits
    inner join passage as entries
        on entries.lot_id = exits.lot_id
            and entries.is_inner = exits.is_inner
            and entries.record_id = exits.entry_record_id
            and entries.direction = 'entry'
            and entries.occurred_at between
            {{ minus_days('exits.occurred_at', horizon) }} and {{ plus_days('exits.occurred_at', horizon) }}
    where exits.direction = 'exit'
    qualify row_number() over (
        partition by entries.lot_id, entries.is_inner, entries.record_id
        order by exits.occurred_at, exits.record_id
    ) = 1
),

sequenced as (
    select
        passage.*,
        linked.entry_record_id as linked_entry_record_id,
        taken.exit_record_id as taken_by_exit_record_id,
        lag(passage.record_id) over visits as previous_record_id,
        lag(passage.direction) over visits as previous_direction,
        lag(passage.occurred_at) over visits as previous_at,
        lag(taken.exit_record_id) over visits as previous_taken_by,
        lead(passage.occurred_at) over visits as next_at
    from passage
    left join linked
        on linked.lot_id = passage.lot_id
            and linked.exit_kind = passage.kind
            and linked.exit_record_id = passage.record_id
    -- Columns equal columns only: any other condition here makes a nested loop of 400,000 × 140,000 rows.
    left join linked as taken
        on taken.lot_id = passage.lot_id
            and taken.is_inner = passage.is_inner
            and taken.entry_direction = passage.direction
            and taken.entry_record_id = passage.record_id
    window visits as (
        partition by
            passage.lot_id,
            passage.is_inner,
            {{ visit_area('passage') }},
            passage.pair_key
        order by passage.occurred_at, passage.direction, passage.record_id
    )
),

-- Without a link, the plate's last passage before the exit is its entry, unless the exit itself tells of another one.
exits as (
    select
        sequenced.*,
        case
            when linked_entry_record_id is not null then linked_entry_record_id
            when previous_direction = 'entry'
                and previous_taken_by is null
                and previous_at >= {{ minus_days('occurred_at', horizon) }}
                and (
                    entered_at is null
                    or abs({{ seconds_between('entered_at', 'previous_at') }}) <= {{ var('claim_tolerance_minutes') * 60 }}
                )
                then previous_record_id
        end as paired_entry_record_id
    from sequenced
    where direction = 'exit'
),

exit_stays as (
    select
        exits.lot_id,
        exits.business_date,
        exits.kind || ':' || exits.record_id as stay_id,
        exits.is_inner,
        exits.area_id,
        case
            when entries.record_id is not null or exits.entered_at is not null then 'closed' else 'orphan_exit'
        end as state,
        entries.record_id as entry_record_id,
        exits.record_id as exit_record_id,
        coalesce(entries.occurred_at, exits.entered_at) as entry_at,
        exits.occurred_at as exit_at,
        exits.local_at as exit_local_at,
        case
            when entries.record_id is not null then 'record' when exits.entered_at is not null then 'claimed'
        end as entry_source,
        coalesce(exits.plate, entries.plate) as plate,
        entries.plate as entry_plate,
        exits.plate as exit_plate,
        coalesce(exits.vehicle_class, entries.vehicle_class) as vehicle_class,
        coalesce(exits.charge_class, entries.charge_class) as charge_class,
        coalesce(exits.owner_name, entries.owner_name) as owner_name,
        entries.gate_id as entry_gate_id,
        exits.gate_id as exit_gate_id,
        entries.controller_id as entry_controller_id,
        exits.controller_id as exit_controller_id,
        exits.release_mode,
        exits.remark
    from exits
    left join passage as entries
        on entries.lot_id = exits.lot_id
            and entries.is_inner = exits.is_inner
            and entries.direction = 'entry'
            and entries.record_id = exits.paired_entry_record_id
),

unclosed as (
    select
        sequenced.lot_id,
        sequenced.business_date,
        sequenced.kind || ':' || sequenced.record_id as stay_id,
        sequenced.is_inner,
        sequenced.area_id,
        case
            when sequenced.next_at <= {{ plus_days('sequenced.occurred_at', horizon) }} then 'missing_exit' else 'open'
        end as state,
        sequenced.record_id as entry_record_id,
        cast(null as varchar) as exit_record_id,
        sequenced.occurred_at as entry_at,
        cast(null as timestamptz) as exit_at,
        cast(null as timestamp) as exit_local_at,
        'record' as entry_source,
        sequenced.plate,
        sequenced.plate as entry_plate,
        cast(null as varchar) as exit_plate,
        sequenced.vehicle_class,
        sequenced.charge_class,
        sequenced.owner_name,
        sequenced.gate_id as entry_gate_id,
        cast(null as varchar) as exit_gate_id,
        sequenced.controller_id as entry_controller_id,
        cast(null as varchar) as exit_controller_id,
        cast(null as varchar) as release_mode,
        sequenced.remark
    from sequenced
    where sequenced.direction = 'entry'
        and not exists (
            select 1
            from exits
            where exits.lot_id = sequenced.lot_id
                and exits.is_inner = sequenced.is_inner
                and exits.paired_entry_record_id = sequenced.record_id
        )
),

stays as (
    select * from exit_stays
    union all
    select * from unclosed
)

select
    stays.lot_id,
    stays.business_date,
    stays.stay_id,
    stays.is_inner,
    stays.area_id,
    stays.state,
    stays.entry_record_id,
    stays.exit_record_id,
    stays.entry_at,
    stays.exit_at,
    stays.exit_local_at,
    stays.entry_source,
    stays.plate,
    stays.entry_plate,
    stays.exit_plate,
    stays.vehicle_class,
    stays.charge_class,
    stays.owner_name,
    stays.entry_gate_id,
    stays.exit_gate_id,
    stays.entry_controller_id,
    stays.exit_controller_id,
    stays.release_mode,
    stays.remark,
    case when stays.state = 'closed' then {{ seconds_between('stays.entry_at', 'stays.exit_at') }} end
    as duration_seconds,
    coalesce(
        stays.state = 'closed' and (
            stays.exit_at < stays.entry_at
            or stays.exit_at > {{ plus_days('stays.entry_at', var('longest_stay_days')) }}
        ),
        false
    ) as is_bad
from stays
{%- if is_incremental() %}
where (stays.lot_id, stays.stay_id) in (select lot_id, stay_id from fct_stay__in_scope)
{%- endif %}
