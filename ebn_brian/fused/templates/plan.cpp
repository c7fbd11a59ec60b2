{% import 'common.cpp' as common with context %}
{# What a fused step finds out when the simulation starts. #}
{% macro plan() %}
// What is found out when the simulation starts.
struct Plan {
    bool ready = false;
    const char* refused = NULL;  // why Brian2's own code must do {{ 'it' if blocks else 'some of it' }}
    {% for rows in all_rows %}
    fused::Rows {{rows.name}};
    {% endfor %}
    {% for pathway in pathways %}
    int64_t delay_{{pathway.name}} = 0;
    std::vector<fused::Delay> held_{{pathway.name}};
    {% if carries %}
    fused::Arrivals left_{{pathway.name}};
    std::vector<fused::Arrivals> parts_{{pathway.name}};  // the same, by blocks
    {% endif %}
    {% endfor %}
    {% if carries %}
    int64_t first_step = 0;
    {% endif %}
    {% if blocks %}
    fused::Blocks blocks{ {{ '{' }}{{ groups.values()|join(', ') }}{{ '}' }} };
    std::vector<fused::Arena> arenas;  // one for each thread
    {% for events in all_events %}
    std::vector<int32_t> index{{events.array}}, count{{events.array}};
    {% endfor %}
    {{common.recorded_parts()}}
    {% if quiet %}
    bool narrow = false;  // blocks of few neurons, see quiet.cpp
    std::vector<_ebn_timed> at_step;  // of a chunk
    {% endif %}
    // Places for the state of n neurons.
    int room(int n) const { return {{ 'narrow ? _ebn_width : ' if quiet }}fused::padded(n); }
    {% endif %}

    {% for piece in pieces if piece.kind == 'statemonitor' and blocks %}
    std::vector<std::vector<int32_t>> columns_{{piece.name}};  // of each block
    size_t n_columns_{{piece.name}} = 0;
    {% endfor %}

    void make()
    {
        ready = true;
        {% for pathway in pathways %}
        delay_{{pathway.name}} = fused::delay_steps({{pathway.delay}}, {{clock}}.dt[0]);
        if (delay_{{pathway.name}} < 0)
            refused = "the synapses of '{{pathway.name}}' have different delays";
        {% endfor %}
        {% if may_refuse %}
        if (refused)
        {
            {% for pathway in pathways %}
            {{ 'if (delay_' ~ pathway.name ~ ' < 0)' if not blocks }}
            _before_run_{{pathway.push}}();
            {% endfor %}
            std::cout << "ebn_brian.fused: " << refused << ", so Brian2's own code runs{{ ' these' if not blocks }}" << std::endl;
            {% if blocks %}
            return;
            {% endif %}
        }
        {% endif %}
        {% if blocks %}
        {% for rows in all_rows %}
        blocks.connect({{group_number[rows.source]}}, {{group_number[rows.target]}}, {{rows.pre}}, {{rows.post}});
        {% endfor %}
        {% if quiet %}
        blocks.cut(_ebn_width);
        narrow = blocks.largest(0) <= _ebn_width;
        at_step.resize(fused::CHUNK);
        if (!narrow)
        {% endif %}
        blocks.cut(std::max<int32_t>(fused::STRIP, fused::BLOCK_BYTES / {{bytes_per_neuron}}));
        size_t bytes = 0;
        {% for array in arrays + inverses %}
        bytes += sizeof({{array.dtype}}) * room(blocks.largest({{group_number[array.owner]}}));
        {% endfor %}
        arenas.resize({{threads}});
        for (fused::Arena& arena : arenas)
            arena.reserve(bytes, {{(arrays + inverses)|length}});
        {% for piece in pieces if piece.recorded %}
        when_{{piece.name}}.resize(blocks.count());
        {% for array in piece.recorded.values() %}
        parts{{array}}.resize(blocks.count());
        {% endfor %}
        {% endfor %}
        {% for piece in pieces if piece.kind == 'statemonitor' %}
        {
            {{piece.constants|autoindent}}
            n_columns_{{piece.name}} = _num_indices;
            columns_{{piece.name}} = fused::columns({{piece.indices}}, _num_indices, blocks.bounds[{{group_number[piece.source]}}]);
        }
        {% endfor %}
        {% for events in all_events %}
        index{{events.array}}.resize({{events.size}});
        count{{events.array}}.resize(blocks.count());
        {% endfor %}
        {% endif %}
        {% for rows in all_rows %}
        {% if may_refuse and not blocks %}
        if (0 {%- for pathway in pathways if pathway.rows.name == rows.name %} || delay_{{pathway.name}} >= 0 {%- endfor %})
        {% endif %}
        {{rows.name}}.build({{rows.sources}}, {{rows.pre}}, {{rows.post}});
        {% endfor %}
        {% for pathway in pathways %}
        held_{{pathway.name}}.resize({{ 'blocks.count()' if blocks else 1 }});
        {% if carries %}
        {{ 'if (delay_' ~ pathway.name ~ ' >= 0)' if may_refuse and not blocks }}
        left_{{pathway.name}} = fused::take(*brian::{{pathway.name}}.queue[0], {{pathway.delay}}, {{clock}}.dt[0]);
        {% if blocks %}
        parts_{{pathway.name}} = fused::divide(left_{{pathway.name}}, {{pathway.rows.pre}}, blocks.bounds[{{group_number[pathway.rows.source]}}]);
        {% else %}
        parts_{{pathway.name}}.push_back(left_{{pathway.name}});
        {% endif %}
        {% endif %}
        {% endfor %}
        {% if carries %}
        first_step = {{clock}}.timestep[0];
        {% endif %}
    }
};
{% endmacro %}
