#include "opencl/codegen/epilogue.hpp"

#include <set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "opencl/codegen/loop_body.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::text;

namespace {

// Statements for the digits of a row, sizes as arguments; the last digit is the column.
std::string row_digits(const Nest& nest, Arguments& arguments) {
    std::string out;
    std::int64_t below = 1;  // rows that share a digit
    for (std::size_t k = nest.outer.size() - 1; k-- > 0;) {
        out += text("    const int d", k, " = row");
        if (below > 1) out += text(" / ", arguments.number(below));
        if (k > 0) out += text(" % ", arguments.number(nest.outer[k]));
        out += ";\n";
        below *= nest.outer[k];
    }
    return out;
}

// One of an epilogue's two functions, without its name.
std::string epilogue_function(LoopBody& body, const Trace& trace, const Lanes& lanes, ElementType given,
                              const std::string& parameters, const std::string& digits) {
    const Store& store = trace.stores.at(0);
    const Compute result = compute_of(trace.nodes[static_cast<std::size_t>(store.node)].element);
    std::string out = text("(", type_name(compute_of(given), lanes.count), " given, int row, int d",
                           trace.nest.outer.size() - 1, parameters, ") {\n", digits);
    std::set<int> done;
    body.emit(store.node, lanes, done, out, "    ", [](int) { return true; });
    out += text("    return ", body.widened(store.node, lanes), ";\n}\n");
    return text("inline ", type_name(result, lanes.count), " NAME", out);
}

// Where the chain cannot be computed on several lanes at once, lane by lane.
std::string lane_by_lane(const std::string& one_name, Compute given, Compute result, int lanes,
                         const std::string& parameters, const std::string& names) {
    std::string out = text("inline ", type_name(result, lanes), " NAME(", type_name(given, lanes),
                           " given, int row, int column", parameters, ") {\n    return (", type_name(result, lanes), ")(");
    for (int k = 0; k < lanes; ++k)
        out += text(k ? ", " : "", one_name, "(given.s", "0123456789abcdef"[k], ", row, column + ", k, names, ")");
    return out + ");\n}\n";
}

std::string renamed(std::string function, const std::string& name) {
    return function.replace(function.find("NAME"), 4, name);
}

}  // namespace

Epilogue print_epilogue(const Graph& graph, const Trace& trace, ElementType given, int lanes) {
    Arguments arguments;
    LoopBody body(graph, trace, arguments);
    body.declare_inputs();
    const std::string digits = row_digits(trace.nest, arguments);
    Epilogue out;
    out.value = trace.stores.at(0).value;
    out.element = graph.type(out.value).element;
    out.parameters = arguments.parameters().empty() ? "" : ", " + arguments.parameters();
    out.names = arguments.names();
    const std::string one = epilogue_function(body, trace, {}, given, out.parameters, digits);
    const std::string key = "epilogue_" + base::Digest::of(text(one, lanes)).hex().substr(0, 12);
    out.one_name = key + "_one";
    out.lanes_name = lanes == 1 ? out.one_name : key + "_lanes";
    out.functions = renamed(one, out.one_name);
    const Symbol column = trace.nest.digit(trace.nest.outer.size() - 1);
    if (lanes > 1) {
        const bool wide = body.has_lanes_along(column);
        const Compute result = compute_of(trace.nodes[static_cast<std::size_t>(trace.stores[0].node)].element);
        const std::string many =
            wide ? epilogue_function(body, trace, {column, lanes}, given, out.parameters, digits)
                 : lane_by_lane(out.one_name, compute_of(given), result, lanes, out.parameters, out.names);
        out.functions += renamed(many, out.lanes_name);
    }
    out.arguments = arguments.take();
    return out;
}

}  // namespace shoal::opencl
