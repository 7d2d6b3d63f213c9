{# Incremental scope of fct_stay: which plates, and around which times, changed passages can have re-paired. #}

{# A car without a plate is its own key: it pairs by link or claim, never with another plateless car. #}
{% macro pair_key(alias) -%}
coalesce({{ alias }}.plate, '#' || {{ alias }}.kind || '#' || {{ alias }}.record_id)
{%- endmacro %}

{# Changed passages, old and new versions, are kept until a green build, so that a failed run forgets nothing. #}
{% macro keep_more_fct_passage(name) -%}
    insert into lake.meta.touched_passage
    select lot_id, business_date, is_inner, direction, kind, record_id, plate, occurred_at, entry_record_id
    from (select * from {{ name }}__gone union all select * from {{ name }}__new);
{%- endmacro %}

{# Pre-hook: <fct_stay>__pair (key and span to re-pair) and <fct_stay>__scope (stays that stand there now). #}
{% macro open_stay_scope() -%}
    {%- if not is_building() or not is_incremental() -%}{{ return('select 1') }}{%- endif -%}
    {%- set horizon = var('pairing_horizon_days') -%}
    create or replace temp table fct_stay__changed as
        select distinct * from lake.meta.touched_passage;
    create or replace temp table fct_stay__pair as
        with linked_entry as (
            select passage.*
            from {{ ref('fct_passage') }} as passage
            where passage.direction = 'entry'
                and {{ passage_days('passage', horizon) }}
                and (passage.lot_id, passage.is_inner, passage.record_id) in (
                    select lot_id, is_inner, entry_record_id from fct_stay__changed
                    where direction = 'exit' and entry_record_id is not null
                )
        ),
        linking_exit as (
            select passage.*
            from {{ ref('fct_passage') }} as passage
            where passage.direction = 'exit'
                and passage.entry_record_id is not null
                and {{ passage_days('passage', horizon) }}
                and (passage.lot_id, passage.is_inner, passage.entry_record_id) in (
                    select lot_id, is_inner, record_id from fct_stay__changed where direction = 'entry'
                    union
                    select lot_id, is_inner, record_id from linked_entry
                )
        ),
        affected as (
            select lot_id, is_inner, {{ pair_key('changed') }} as pair_key, occurred_at from fct_stay__changed as changed
            union all
            select lot_id, is_inner, {{ pair_key('linked_entry') }}, occurred_at from linked_entry
            union all
            select lot_id, is_inner, {{ pair_key('linking_exit') }}, occurred_at from linking_exit
        )
        select
            lot_id,
            is_inner,
            pair_key,
            {{ minus_days('min(occurred_at)', horizon) }} as span_from,
            {{ plus_days('max(occurred_at)', horizon) }} as span_to
        from affected
        group by lot_id, is_inner, pair_key;
    create or replace temp table fct_stay__scope as
        select distinct standing.lot_id, standing.stay_id
        from {{ this }} as standing
        inner join fct_stay__pair as pair
            on pair.lot_id = standing.lot_id
                and pair.is_inner = standing.is_inner
                and pair.pair_key = standing.exit_pair_key
                and standing.exit_at between pair.span_from and pair.span_to
        where {{ stay_days('standing', horizon) }}
        union
        select distinct standing.lot_id, standing.stay_id
        from {{ this }} as standing
        inner join fct_stay__pair as pair
            on pair.lot_id = standing.lot_id
                and pair.is_inner = standing.is_inner
                and pair.pair_key = standing.entry_pair_key
                and standing.entry_at between pair.span_from and pair.span_to
        where {{ stay_days('standing', horizon) }}
{%- endmacro %}

{# Literal days that can matter: changed passages, and as far around them as pairing reaches, twice. #}
{% macro passage_days(alias, horizon) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set span = run_query("select min(business_date), max(business_date) from lake.meta.touched_passage").rows[0] -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        alias ~ ".business_date between date '" ~ span[0] ~ "' - " ~ (3 * horizon + 2)
        ~ " and date '" ~ span[1] ~ "' + " ~ (3 * horizon + 2)
    ) }}
{%- endmacro %}
{% macro stay_days(alias, horizon) -%}{{ return(passage_days(alias, horizon)) }}{%- endmacro %}

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
