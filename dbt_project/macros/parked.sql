{# When a stay counts as parked: good closed stays from entry to exit; open ones up to the pairing horizon, those of
   temporary cars up to open_temporary_days, after which the exit must have been lost: otherwise every lost exit would
   fill the lot a little more. Inner stays lie inside an outer one and do not count. One row per stay that counts. #}
{% macro parked_interval(relation) -%}
    select
        lot_id,
        coalesce(entry_record_id, stay_id) as interval_key,
        entry_at as parked_from,
        case
            when state = 'closed' then exit_at
            when vehicle_class in ('long_term', 'season', 'free', 'time_controlled', 'off_peak')
                then {{ plus_days('entry_at', var('pairing_horizon_days')) }}
            else {{ plus_days('entry_at', var('open_temporary_days')) }}
        end as parked_to
    from {{ relation }}
    where not is_inner
        and not is_bad
        and entry_at is not null
        and state in ('closed', 'open')
{%- endmacro %}

{# Predicate on fct_stay: the stay can lie in one of the touched days. Its own day is that of its exit, or of its
   entry while open, so it lies at most longest_stay_days after the days it covers. #}
{% macro parked_days(sources) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set names = "'" ~ sources | join("', '") ~ "'" -%}
    {%- set span = run_query(
        "select min(touched.business_date), max(touched.business_date) from memory.main.touched as touched "
        ~ "semi join " ~ ref('rpt_upload_hour') ~ " as upload on upload.lot_id = touched.lot_id "
        ~ "and upload.business_date = touched.business_date where touched.model in (" ~ names ~ ")"
    ).rows[0] -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        "business_date between date '" ~ span[0] ~ "' - " ~ (var('pairing_horizon_days') + 2)
        ~ " and date '" ~ span[1] ~ "' + " ~ (var('longest_stay_days') + 2)
        ~ " and lot_id in (select lot_id from memory.main.touched where model in (" ~ names ~ "))"
    ) }}
{%- endmacro %}
