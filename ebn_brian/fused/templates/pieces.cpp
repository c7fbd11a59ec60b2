{# How each kind of code object goes through the neurons or synapses of one block. Around these
   loops stands, unchanged, the text that Brian2 generated from the user's equations. #}

{# A loop that takes its exponentials from exact_math.h if they are those of the C library. #}
{% macro either(piece, loop) %}
{% if piece.exact_code %}
if (fused::exact::is_the_librarys())
{
    {{loop(piece, piece.exact_code)}}
}
else
{% endif %}
{
    {{loop(piece, piece.fast_code)}}
}
{% endmacro %}

{% macro stateupdate(piece) %}
{{either(piece, update)}}
{% endmacro %}

{% macro update(piece, code) %}
{% if piece.draws %}
for (int _strip = {{piece.first}}; _strip < {{piece.last}}; _strip += fused::DRAWN)
{
    const int _size = std::min<int>({{piece.last}} - _strip, fused::DRAWN);
    {{draw(piece, 'fused::DRAWN')}}
    {{neurons(piece, code, '_strip', '0', '_size')}}
}
{% else %}
const int _n = {{piece.last}} - {{piece.first}};
{% set end = 'fused::padded(_n)' if piece.padded else '_n' %}
{% if threads > 1 and piece.parallel %}
const int _least = {{ '_ebn_plan.blocks.count() > 1 ? fused::NEVER : ' if blocks }}fused::LEAST_{{ 'SHORT' if piece.unrolled else 'LONG' }};
_ebn_team.split({{end}}, _least, [&](const int _from, const int _to)
{
    // numbers of its own, which the compiler need not read anew
    {{piece.constants|autoindent}}
    {{piece.pointers|autoindent}}
    {{piece.scalar_code|autoindent}}
    {{period(piece)}}
    const int _start = {{piece.first}};
    {{neurons(piece, code, '_start', '_from', '_to')}}
});
{% else %}
{{neurons(piece, code, piece.first, '0', end)}}
{% endif %}
{% endif %}
{% endmacro %}

{% macro neurons(piece, code, first, from, to) %}
{{ 'IVDEP' if piece.parallel }} {{ 'UNROLL' if piece.unrolled }}
for (int _k = {{from}}; _k < {{to}}; _k++)
{
    const int _idx = {{first}} + _k;
    const int _vectorisation_idx = _idx;
    { // names of its own, for a variable k
        {{code|autoindent}}
    }
}
{% endmacro %}

{# The random numbers of `_size` neurons. #}
{% macro draw(piece, most) %}
{% if piece.draws %}
const int _each = {{piece.draws.each}};
double _drawn[{{piece.draws.each}} * {{most}}];
fused::Draws(brian::_random_generators[0]).{{piece.draws.function}}(_drawn, _each * _size);
{% endif %}
{% endmacro %}

{% macro note_event(piece) %}
        {{piece.events}}.index[_count++] = _idx;
        {% if piece.keywords._uses_refractory %}
        {{piece.keywords.not_refractory}}[_idx] = false;
        {{piece.keywords.lastspike}}[_idx] = {{piece.keywords.t}};
        {% endif %}
{% endmacro %}

{# Events are rare: a strip of neurons is searched only where a vectorised look found one, if a look
   costs little. #}
{% macro threshold(piece) %}
int32_t _count = 0;
{% if piece.parallel %}
// inlined, so that the loops over a whole strip are of constant length
const auto _look = [&](const int _strip, const int _size) __attribute__((always_inline))
{
    {{draw(piece, 'fused::STRIP')}}
    {% if piece.unrolled %}
    mask_t _any = 0;
    IVDEP
    for (int _k = 0; _k < _size; _k++)
    {
        const int _idx = _strip + _k;
        const int _vectorisation_idx = _idx;
        {{piece.fast_code|autoindent}}
        _any |= (mask_t)_cond;
    }
    if (!_any)
        return;
    {% endif %}
    fused::Flags _flags;
    IVDEP
    for (int _k = 0; _k < _size; _k++)
    {
        const int _idx = _strip + _k;
        const int _vectorisation_idx = _idx;
        {{piece.fast_code|autoindent}}
        _flags.set[_k] = (bool)_cond;
    }
    _flags.for_each([&](const int _k)
    {
        const int _idx = _strip + _k;
        {{note_event(piece)}}
    });
};
int _strip = {{piece.first}};
for (; _strip + fused::STRIP <= {{piece.last}}; _strip += fused::STRIP)
    _look(_strip, fused::STRIP);
if (_strip < {{piece.last}})
    _look(_strip, {{piece.last}} - _strip);
{% else %}
for (int _idx = {{piece.first}}; _idx < {{piece.last}}; _idx++)
{
    const int _vectorisation_idx = _idx;
    {{piece.fast_code|autoindent}}
    if (_cond)
    {
        {{note_event(piece)}}
    }
}
{% endif %}
{{piece.events}}.count = _count;
{% endmacro %}

{# A condition that implies an earlier event is looked up only where that event happened. #}
{% macro threshold_among(piece) %}
int32_t _count = 0;
for (int _k = 0; _k < {{piece.among}}.count; _k++)
{
    const int _idx = {{piece.among}}.index[_k];
    const int _vectorisation_idx = _idx;
    {{piece.fast_code|autoindent}}
    if (_cond)
    {
        {{note_event(piece)}}
    }
}
{{piece.events}}.count = _count;
{% endmacro %}

{% macro reset(piece) %}
for (int _k = 0; _k < {{piece.events}}.count; _k++)
{
    const int _idx = {{piece.events}}.index[_k];
    const int _vectorisation_idx = _idx;
    {{piece.fast_code|autoindent}}
}
{% endmacro %}

{# The synapses of one segment. #}
{% macro segment(piece, code) %}
const fused::Constant _ptr{{piece.pathway.rows.pre_array}}{_segment.pre};
const fused::Consecutive<int32_t> _ptr{{piece.pathway.rows.post_array}}{_segment.post - _segment.synapse};
{% if piece.parallel and piece.unrolled %}
#ifdef __NO_TRAPPING_MATH__
if (_rows.uneven)
{
    // whole vectors with lanes masked off, at places known as if none were
    {% set same, rest = of_source(code) %}
    const int _idx = _segment.synapse;
    {{same|autoindent}}
    const fused::Consecutive<int64_t> _ptr{{piece.pathway.rows.post_array}}{_segment.post - _segment.synapse};
    for (int64_t _base = 0; _base < _segment.length; _base += fused::TOGETHER)
        IVDEP _Pragma("GCC unroll 1")
        for (int64_t _k = 0; _k < fused::TOGETHER; _k++)
            if (_k < _segment.length - _base)
            {
                const int64_t _idx = _segment.synapse + _base + _k;
                {{single(rest)}}
            }
}
else
#endif
{% endif %}
{{ 'IVDEP' if piece.parallel }}
for (int _idx = _segment.synapse; _idx < _segment.synapse + _segment.length; _idx++)
{{single(code)}}
{% endmacro %}

{# Those of one range. #}
{% macro range(piece, code) %}
{{ 'IVDEP' if piece.distinct }}
for (int _idx = _range.synapse; _idx < _range.synapse + _range.length; _idx++)
{{single(code)}}
{% endmacro %}

{% macro single(code) %}
{
    const int _vectorisation_idx = _idx;
    {{code|autoindent}}
}
{% endmacro %}

{% macro synapses(piece) %}
{% set rows = piece.pathway.rows %}
{% if carries %}
// what an earlier run has left under way comes before the events of this run
const fused::Arrivals& _left = _ebn_plan.parts_{{piece.pathway.name}}[_block];
if (_step - _ebn_plan.first_step < (int64_t)_left.size())
    for (const int32_t _idx : _left[_step - _ebn_plan.first_step])
    {{single(piece.fast_code)}}
{% endif %}
const fused::Rows& _rows = _ebn_plan.{{rows.name}};
for (int _k = 0; _k < {{piece.events}}.count; _k++)
{
    const int32_t _source = {{piece.events}}.index[_k];
    const int32_t _begin = _rows.begin(_source), _end = _rows.end(_source);
    if (!_rows.segments.empty())
        for (int32_t _entry = _begin; _entry < _end; _entry++)
        {
            const fused::Segment _segment = _rows.segments[_entry];
            {{either(piece, segment)}}
        }
    else if (!_rows.ranges.empty())
        for (int32_t _entry = _begin; _entry < _end; _entry++)
        {
            const fused::Range _range = _rows.ranges[_entry];
            {{either(piece, range) if piece.distinct else range(piece, piece.fast_code)}}
        }
    else
        for (int32_t _entry = _begin; _entry < _end; _entry++)
        {
            const int _idx = _rows.list[_entry];
            {% if piece.scattered %}
            const int _later = _rows.list[std::min(_entry + fused::AHEAD, _end - 1)];
            {% for array in piece.scattered %}
            __builtin_prefetch({{array}} + _later, 1);
            {% endfor %}
            {% endif %}
            {{single(piece.fast_code)}}
        }
}
{% endmacro %}

{# As Brian2 does it. #}
{% macro spikegenerator(piece) %}
const int32_t _period = {{piece.keywords._period_bins}};
int32_t _bin = {{piece.keywords.t_in_timesteps}};
int32_t& _next = {{piece.keywords._lastindex}};
if (_period > 0)
{
    _bin %= _period;
    if (_next > 0 && {{piece.keywords._timebins}}[_next - 1] >= _bin)
        _next = 0;
}
int32_t _count = 0;
for (size_t _k = _next; _k < _num_timebins && {{piece.keywords._timebins}}[_k] <= _bin; _k++)
    {{piece.events}}.index[_count++] = {{piece.keywords.neuron_index}}[_k];
{{piece.events}}.count = _count;
_next += _count;
{% endmacro %}

{# When refractory periods end. #}
{% macro periods(storage) %}
{% for piece in pieces if piece.refractory %}
{{storage}} fused::Refractory _period_{{piece.name}};
{% endfor %}
{% endmacro %}

{% macro period(piece) %}
{% if piece.refractory %}
_period_{{piece.name}}.set({{piece.refractory}}, dt, _timestep);
const fused::Refractory _refractory = _period_{{piece.name}};
{% endif %}
{% endmacro %}

{# The time of a step of this chunk, whose first one may be off the grid. #}
{% macro time_of(step) %}
{{step}} == _first_step ? {{clock}}.t[0] : {{step}} * {{clock}}.dt[0]
{%- endmacro %}

{# What the time since the last lap counts to. #}
{% macro lap(name) %}
{% if profiled %}
{
    const auto _now = std::chrono::high_resolution_clock::now();
    {% if name in profiled %}
    {{name}}_profiling_info += std::chrono::duration_cast<std::chrono::nanoseconds>(_now - _lap);
    {% endif %}
    _lap = _now;
}
{% endif %}
{% endmacro %}
