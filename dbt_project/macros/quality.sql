{# Uploads change what is expected of the 28 days after them. Beside these, every lot's days since the newest one so far
   are looked at again: the clock went on for lots that are silent, too. #}
{% macro touched_rows_rpt_upload_hour(name) -%}
    select distinct 'rpt_upload_hour.expected', lot_id, business_date
    from (
        select lot_id, cast(unnest(generate_series(business_date - 1, business_date + 30, interval 1 day)) as date) as business_date
        from (select lot_id, business_date from {{ name }}__gone union select lot_id, business_date from {{ name }}__new)
        union all
        select lot_id, cast(unnest(generate_series(known_until, last_day, interval 1 day)) as date)
        from (select distinct lot_id from {{ this }} where business_date > (select max(business_date) - 31 from {{ this }}))
        cross join (select max(business_date) as known_until from lake.marts.rpt_completeness_day)
        cross join (select max(business_date) as last_day from {{ this }})
    )
    where business_date <= (select max(business_date) from {{ this }})
{%- endmacro %}
