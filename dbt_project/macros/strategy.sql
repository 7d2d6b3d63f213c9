{# Incremental strategies. Both compare what the model now says with what stands in the target and write only the
   difference, so that an unchanged day touches nothing downstream; what changed is put into meta.touched in the same
   transaction, where it stays until a green build. #}

{# Scope: the days that config touched_by names. #}
{% macro get_incremental_touched_days_sql(arg_dict) -%}
    {{ replace_difference(arg_dict, touched(config.get('touched_by'), 'standing')) }}
{%- endmacro %}

{# Scope: the keys that the model's pre-hook left in <model>__scope, with the days they lie in where it knows them. They
   are the model's unique_key, or its scope_key where one of them has several rows. #}
{% macro get_incremental_touched_keys_sql(arg_dict) -%}
    {%- set keys = config.get('scope_key', arg_dict.unique_key) -%}
    {%- set tuple = [] -%}
    {%- for key in keys -%}{%- do tuple.append('standing.' ~ key) -%}{%- endfor -%}
    {%- set scope = this.identifier ~ '__scope' -%}
    {%- set days = days_around(scope, 'standing', 0) if config.get('scope_has_days') else 'true' -%}
    {{ replace_difference(
        arg_dict,
        days ~ ' and (' ~ tuple | join(', ') ~ ') in (select ' ~ keys | join(', ') ~ ' from ' ~ scope ~ ')'
    ) }}
{%- endmacro %}

{# Scope: everything, for small tables; cheaper than dropping and creating them. #}
{% macro get_incremental_whole_sql(arg_dict) -%}
    {{ replace_difference(arg_dict, 'true') }}
{%- endmacro %}

{% macro replace_difference(arg_dict, scope) -%}
    {%- set target = arg_dict.target_relation -%}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    {%- set name = this.identifier -%}
    {%- set names = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set by_day = 'business_date' in names -%}
    {%- set keeps = config.get('keeps_closed_days', false) -%}
    {%- set told = '(select * from ' ~ arg_dict.temp_relation ~ ' as told where not ' ~ kept_row('told', names) ~ ')'
        if keeps else arg_dict.temp_relation -%}
    create or replace temp table {{ name }}__standing as
        select {{ columns }} from {{ target }} as standing where {{ scope }}
        {%- if keeps %} and not {{ kept_row('standing', names) }}{% endif %};
    create or replace temp table {{ name }}__gone as
        select {{ columns }} from {{ name }}__standing except all select {{ columns }} from {{ told }};
    create or replace temp table {{ name }}__new as
        select {{ columns }} from {{ told }} except all select {{ columns }} from {{ name }}__standing;
    drop table {{ name }}__standing;
    delete from {{ target }} as standing using {{ name }}__gone as gone
    where {% for key in arg_dict.unique_key %}{{ same_key(key) }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- if by_day and 'business_date' not in arg_dict.unique_key %} and {{ same_key('business_date') }}{% endif %};
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ name }}__new;
    {%- if by_day %}
    {{ record_touched(name) }}
    {%- endif %}
{%- endmacro %}

{# Only plain equality lets the rows that are gone prune the files they are looked for in. #}
{% macro same_key(key) -%}
    {%- set is_never_null = model.columns[key].constraints | selectattr('type', 'equalto', 'not_null') | list -%}
    standing.{{ key }} {{ '=' if is_never_null else 'is not distinct from' }} gone.{{ key }}
{%- endmacro %}

{# What downstream models look at: rows (model, lot_id, business_date). A model may tell its own with a macro
   touched_rows_<model>, and keep more in a macro keep_more_<model>. #}
{% macro record_touched(name) -%}
    {%- set own_rows = context.get('touched_rows_' ~ name) -%}
    {%- set keep_more = context.get('keep_more_' ~ name) -%}
    create or replace temp table {{ name }}__touched as
        select distinct '{{ name }}' as model, lot_id, business_date
        from (
            select lot_id, business_date from {{ name }}__gone
            union all
            select lot_id, business_date from {{ name }}__new
        )
        {%- if own_rows %}
        union
        {{ own_rows(name) }}
        {%- endif %};
    insert into lake.meta.touched select * from {{ name }}__touched;
    {{ keep_more(name) if keep_more }}
{%- endmacro %}

{# Post-hook outside the transaction, for a transaction writes to one database only. #}
{% macro mirror_touched() -%}
    {%- set by_day = model.name == 'int_contested_version' or 'business_date' in model.columns -%}
    {%- if not is_building() or not is_incremental() or not by_day -%}{{ return('select 1') }}{%- endif -%}
    insert into memory.main.touched select * from {{ this.identifier }}__touched
{%- endmacro %}
