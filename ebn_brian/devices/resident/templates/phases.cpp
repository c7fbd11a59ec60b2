{# How one warp goes through the neurons or synapses of its block, for each kind of code object.
   Around these loops stands, unchanged, the text that Brian2 generated from the user's equations. #}

{% macro stateupdate(piece) %}
#pragma unroll 1
for (int _idx = {{piece.first}} + _lane; _idx < {{piece.last}}; _idx += WARP)
{
    const int _vectorisation_idx = _idx;
    { // names of its own, for a variable k
        {{piece.vector_code|autoindent}}
    }
}
{% endmacro %}

{# All lanes together bring the neurons for which the condition holds into their order. #}
{% macro events_of(piece, first, last, index) %}
int32_t _count = 0;
#pragma unroll 1
for (int _strip = {{first}}; _strip < {{last}}; _strip += WARP)
{
    int _idx = -1;
    bool _here = false;
    if (_strip + _lane < {{last}})
    {
        _idx = {{index}};
        const int _vectorisation_idx = _idx;
        {{piece.vector_code|autoindent}}
        _here = (bool)_cond;
    }
    const resident::Places _places = resident::places(_here, _lane);
    if (_here)
    {
        {{piece.events}}.index[_count + _places.before] = _idx;
        {% if piece.keywords._uses_refractory %}
        {{piece.keywords.not_refractory}}[_idx] = false;
        {{piece.keywords.lastspike}}[_idx] = {{piece.keywords.t}};
        {% endif %}
    }
    _count += _places.all;
}
{{piece.events}}.count = _count;
{% endmacro %}

{% macro threshold(piece) %}
{{events_of(piece, piece.first, piece.last, '_strip + _lane')}}
{% endmacro %}

{# A condition that implies an earlier event is looked up only where that event happened. #}
{% macro threshold_among(piece) %}
{{events_of(piece, 0, piece.among ~ '.count', piece.among ~ '.index[_strip + _lane]')}}
{% endmacro %}

{% macro reset(piece) %}
#pragma unroll 1
for (int _k = _lane; _k < {{piece.events}}.count; _k += WARP)
{
    const int _idx = {{piece.events}}.index[_k];
    const int _vectorisation_idx = _idx;
    {{piece.vector_code|autoindent}}
}
{% endmacro %}

{# One event after the other, as sums want it; the synapses of one at once where their targets differ. #}
{% macro synapses(piece) %}
{% set rows = '_state.' ~ piece.pathway.rows.name %}
{% if piece.pathway.name in late %}
const resident::Events _arriving = _state.delay_{{piece.pathway.name}}.pass({{piece.pathway.source_events}}, _first_{{piece.pathway.rows.source}}, _block, _lane, _slot_{{piece.pathway.name}});
{% else %}
const resident::Events& _arriving = {{piece.pathway.source_events}};
{% endif %}
const int _stride = {{ rows ~ '.distinct ? WARP : 1' if piece.parallel else '1' }};
#pragma unroll 1
for (int _k = 0; _k < _arriving.count; _k++)
{
    const int32_t _source = _arriving.index[_k];
    const int32_t _end = _lane < _stride ? {{rows}}.first[_source + 1] : 0;
    #pragma unroll 1
    for (int32_t _r = {{rows}}.first[_source] + _lane; _r < _end; _r += _stride)
    {
        const int32_t _idx = {{rows}}.synapse[_r];
        const int _vectorisation_idx = _idx;
        {{piece.vector_code|autoindent}}
    }
    __syncwarp();
}
{% endmacro %}

{% macro spikemonitor(piece) %}
#pragma unroll 1
for (int _strip = 0; _strip < {{piece.events}}.count; _strip += WARP)
{
    int _idx = -1;
    if (_strip + _lane < {{piece.events}}.count)
        _idx = {{piece.events}}.index[_strip + _lane];
    const bool _here = _idx >= _source_start && _idx < _source_stop;
    const resident::Places _places = resident::places(_here, _lane);
    if (_here)
    {
        const int _vectorisation_idx = _idx;
        {{piece.vector_code|autoindent}}
        {% if piece.recorded %}
        const size_t _place = (size_t)_block * _state.capacity_{{piece.name}} + _used_{{piece.name}} + _places.before;
        _state.when_{{piece.name}}[_place] = _step - _first_step;
        {% for name, array in piece.recorded.items() %}
        _state.{{array}}[_place] = _to_record_{{name}};
        {% endfor %}
        {% endif %}
        {{piece.keywords.count}}[_idx - _source_start]++;
    }
    {% if piece.recorded %}
    _used_{{piece.name}} += _places.all;
    {% endif %}
    _number_{{piece.name}} += _places.all;
}
{% endmacro %}
