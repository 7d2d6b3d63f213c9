{# Incremental scope of fct_stay: which passages' stays can have changed, and every passage that decides about them.

   A changed passage, in its old and its new version, touches its own stay, those it is linked with (an exit names its
   entry), and beside each of these the plate's next exit and last entry. Nothing farther than the pairing horizon
   matters, so each step reads as far as that around what the step before it found, and no farther. #}

{# A car without a plate is its own key: it pairs by link or claim, never with another plateless car. #}
{% macro pair_key(alias) -%}
coalesce({{ alias }}.plate, '#' || {{ alias }}.kind || '#' || {{ alias }}.record_id)
{%- endmacro %}

{# A nested area is a sequence of visits of its own. #}
{% macro visit_area(alias) -%}
case when {{ alias }}.is_inner then coalesce({{ alias }}.area_id, '') else '' end
{%- endmacro %}

{# What a stay is made of; wider rows would be carried through every step. #}
{% macro passage_columns(alias) -%}
{%- for name in [
    'lot_id', 'business_date', 'kind', 'record_id', 'direction', 'is_inner', 'occurred_at', 'local_at', 'plate',
    'vehicle_class', 'charge_class', 'owner_name', 'gate_id', 'controller_id', 'area_id', 'remark', 'release_mode',
    'entry_record_id', 'entered_at'
] -%}
    {{ alias }}.{{ name }},{{ ' ' }}
{%- endfor -%}
{{ pair_key(alias) }} as pair_key
{%- endmacro %}

{# Changed passages, old and new versions, are kept until a green build, so that a failed run forgets nothing. #}
{% macro keep_more_fct_passage(name) -%}
    insert into lake.meta.touched_passage
    select lot_id, business_date, is_inner, direction, kind, record_id, plate, occurred_at, entry_record_id
    from (select * from {{ name }}__gone union all select * from {{ name }}__new);
{%- endmacro %}

{# Pre-hook: <fct_stay>__passage (every passage that decides), <fct_stay>__in_scope (passages whose stays are told anew)
   and <fct_stay>__scope (stays that may stand there now). Each step needs the days that the one before it found. #}
{% macro open_stay_scope() -%}
    {%- if not is_building() or not is_incremental() -%}{{ return('select 1') }}{%- endif -%}
    {%- do run_query("
        create or replace temp table fct_stay__changed as
        select distinct changed.*, " ~ pair_key('changed') ~ " as pair_key from lake.meta.touched_passage as changed
    ") -%}
    {%- do run_query("
        create or replace temp table fct_stay__affected as
        select lot_id, business_date, is_inner, direction, record_id, pair_key, occurred_at from fct_stay__changed
        union all
        select lot_id, business_date, is_inner, direction, record_id, pair_key, occurred_at from ("
        ~ entries_named_by('fct_stay__changed') ~ ")
    ") -%}
    {%- do run_query("
        insert into fct_stay__affected
        select lot_id, business_date, is_inner, direction, record_id, pair_key, occurred_at from ("
        ~ exits_naming('fct_stay__affected') ~ ")
    ") -%}
    {%- do run_query(visits_of_affected()) -%}
    {%- do run_query("
        create or replace temp table fct_stay__in_scope as
        select distinct lot_id, kind || ':' || record_id as stay_id from fct_stay__visit where is_in_scope
    ") -%}
    {%- do run_query("
        create or replace temp table fct_stay__passage as
        select * exclude (is_in_scope, is_near) from fct_stay__visit
        union
        " ~ entries_named_by('fct_stay__visit', 'is_near')
    ) -%}
    {%- do run_query("
        create or replace temp table fct_stay__named as
        select lot_id, business_date, is_inner, direction, record_id from fct_stay__visit where is_near
        union
        select lot_id, business_date, is_inner, 'entry', record_id from fct_stay__passage
        where direction = 'entry' and (lot_id, is_inner, record_id) in (
            select lot_id, is_inner, entry_record_id from fct_stay__visit where is_near
        )
    ") -%}
    {%- do run_query("
        insert into fct_stay__passage
        select exits.* from (" ~ exits_naming('fct_stay__named') ~ ") as exits
        anti join fct_stay__passage as known
            on known.lot_id = exits.lot_id and known.kind = exits.kind and known.record_id = exits.record_id
    ") -%}
    create or replace temp table fct_stay__scope as
        select lot_id, business_date, kind || ':' || record_id as stay_id from fct_stay__changed
        union
        select lot_id, business_date, kind || ':' || record_id from fct_stay__visit where is_in_scope
{%- endmacro %}

{# Entries that exits of a relation name. #}
{% macro entries_named_by(relation, condition='true') -%}
    select {{ passage_columns('passage') }}
    from {{ ref('fct_passage') }} as passage
    where passage.direction = 'entry'
        and {{ days_around(relation, 'passage', var('pairing_horizon_days') + 2, "entry_record_id is not null and " ~ condition) }}
        and (passage.lot_id, passage.is_inner, passage.record_id) in (
            select lot_id, is_inner, entry_record_id from {{ relation }}
            where direction = 'exit' and entry_record_id is not null and {{ condition }}
        )
{%- endmacro %}

{# Exits that name entries of a relation. #}
{% macro exits_naming(relation) -%}
    select {{ passage_columns('passage') }}
    from {{ ref('fct_passage') }} as passage
    where passage.direction = 'exit'
        and passage.entry_record_id is not null
        and {{ days_around(relation, 'passage', var('pairing_horizon_days') + 2, "direction = 'entry'") }}
        and (passage.lot_id, passage.is_inner, passage.entry_record_id) in (
            select lot_id, is_inner, record_id from {{ relation }} where direction = 'entry'
        )
{%- endmacro %}

{# Visits of the affected plates. is_in_scope: the passage is affected, or is the next exit behind or the last entry
   before one that is, or was; is_near: it is in scope or beside one that is, so that its links matter. #}
{% macro visits_of_affected() -%}
    {%- set horizon = var('pairing_horizon_days') -%}
    create or replace temp table fct_stay__visit as
    with pair as (
        select
            lot_id,
            is_inner,
            pair_key,
            {{ minus_days('min(occurred_at)', horizon) }} as span_from,
            {{ plus_days('max(occurred_at)', horizon) }} as span_to
        from fct_stay__affected
        group by lot_id, is_inner, pair_key
    ),
    visit as materialized (
        select passage.*, {{ visit_area('passage') }} as visit_area
        from (
            select {{ passage_columns('passage') }}
            from {{ ref('fct_passage') }} as passage
            where {{ days_around('fct_stay__affected', 'passage', horizon + 2) }}
        ) as passage
        inner join pair
            on pair.lot_id = passage.lot_id
                and pair.is_inner = passage.is_inner
                and pair.pair_key = passage.pair_key
                and passage.occurred_at between pair.span_from and pair.span_to
    ),
    -- A passage that is gone still shows where it was; its area is not kept, so it counts in each.
    place as (
        select
            lot_id, is_inner, pair_key, visit_area, occurred_at, direction, record_id,
            bool_or(is_origin) as is_origin,
            bool_or(is_visit) as is_visit
        from (
            select
                lot_id, is_inner, pair_key, visit_area, occurred_at, direction, record_id,
                false as is_origin, true as is_visit
            from visit
            union all
            select
                area.lot_id, area.is_inner, area.pair_key, area.visit_area,
                affected.occurred_at, affected.direction, affected.record_id, true, false
            from (select distinct lot_id, is_inner, pair_key, visit_area from visit) as area
            inner join fct_stay__affected as affected
                on affected.lot_id = area.lot_id
                    and affected.is_inner = area.is_inner
                    and affected.pair_key = area.pair_key
        )
        group by lot_id, is_inner, pair_key, visit_area, occurred_at, direction, record_id
    ),
    beside as (
        select *
        from (
            select
                place.*,
                case when lag(is_origin) over sequence then lag(occurred_at) over sequence end as origin_before,
                case when lead(is_origin) over sequence then lead(occurred_at) over sequence end as origin_behind
            from place
            window sequence as (
                partition by lot_id, is_inner, pair_key, visit_area order by occurred_at, direction, record_id
            )
        )
        where is_visit
    ),
    scoped as (
        select
            *,
            -- Farther apart they do not pair; what lies between may not have been read.
            coalesce(direction = 'exit' and origin_before >= {{ minus_days('occurred_at', horizon) }}, false)
            or coalesce(direction = 'entry' and origin_behind <= {{ plus_days('occurred_at', horizon) }}, false)
            or (lot_id, is_inner, direction, record_id) in (
                select lot_id, is_inner, direction, record_id from fct_stay__affected
            ) as is_in_scope
        from beside
    ),
    near as (
        select
            *,
            is_in_scope
            or lag(is_in_scope, 1, false) over sequence
            or lead(is_in_scope, 1, false) over sequence as is_near
        from scoped
        window sequence as (
            partition by lot_id, is_inner, pair_key, visit_area order by occurred_at, direction, record_id
        )
    )
    select visit.* exclude (visit_area), near.is_in_scope, near.is_near
    from visit
    inner join near
        on near.lot_id = visit.lot_id
            and near.is_inner = visit.is_inner
            and near.direction = visit.direction
            and near.record_id = visit.record_id
{%- endmacro %}

{# Days whose occupancy a changed stay can have changed: where the old and the new interval differ. #}
{% macro touched_rows_fct_stay(name) -%}
    (with old_interval as ({{ parked_interval(name ~ '__gone') }}),
    new_interval as ({{ parked_interval(name ~ '__new') }}),
    changed as (
        select
            coalesce(old_interval.lot_id, new_interval.lot_id) as lot_id,
            case
                when old_interval.parked_from = new_interval.parked_from
                    then least(old_interval.parked_to, new_interval.parked_to)
                else least(
                    coalesce(old_interval.parked_from, new_interval.parked_from),
                    coalesce(new_interval.parked_from, old_interval.parked_from)
                )
            end as changed_from,
            greatest(
                coalesce(old_interval.parked_to, new_interval.parked_to),
                coalesce(new_interval.parked_to, old_interval.parked_to)
            ) as changed_to
        from old_interval
        full outer join new_interval
            on new_interval.lot_id = old_interval.lot_id
                and new_interval.interval_key = old_interval.interval_key
    )
    select distinct 'fct_stay.parked', lot_id, cast(touched_day as date)
    from (
        select
            lot_id,
            unnest(generate_series(
                cast(changed_from as date) - 1,
                cast(changed_to as date) + 1,
                interval 1 day
            )) as touched_day
        from changed
    ))
{%- endmacro %}
