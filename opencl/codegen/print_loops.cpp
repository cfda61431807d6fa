#include "opencl/codegen/print_loops.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::text;

namespace {

// Elements that one work-item of a CPU device handles: long enough to pay for its start, short enough to share.
constexpr std::int64_t kElementsPerItem = 8192;

// Collects a kernel's arguments; equal buffers share one, every number has its own so that the text holds for all
// shapes.
class Arguments {
public:
    std::string buffer(const Graph& graph, ValueId value, bool written) {
        const auto [at, fresh] = buffers_.try_emplace(value, text('b', buffers_.size()));
        if (fresh) {
            parameters_ += text("__global ", written ? "" : "const ", storage_name(graph.type(value).element),
                                "* restrict ", at->second, ", ");
            names_ += text(", ", at->second);
            list_.push_back(BufferArgument{value, written});
        }
        return at->second;
    }
    std::string number(std::int64_t value) {
        if (value > std::numeric_limits<std::int32_t>::max() || value < std::numeric_limits<std::int32_t>::min()) {
            base::fail(base::Code::unsupported, "a tensor of more than 2^31 - 1 elements (index ", value, ")");
        }
        const std::string name = text('n', numbers_++);
        parameters_ += text("int ", name, ", ");
        names_ += text(", ", name);
        list_.push_back(NumberArgument{value});
        return name;
    }
    std::string scalar(ValueId value, ElementType element) {
        const auto [at, fresh] = scalars_.try_emplace(value, text('s', scalars_.size()));
        if (fresh) {
            parameters_ += text(type_name(compute_of(element), 1), ' ', at->second, ", ");
            names_ += text(", ", at->second);
            list_.push_back(ScalarArgument{value, element});
        }
        return at->second;
    }
    [[nodiscard]] std::string parameters() const {
        return parameters_.substr(0, parameters_.size() - (parameters_.empty() ? 0 : 2));
    }
    [[nodiscard]] const std::string& names() const { return names_; }
    std::vector<Argument> take() { return std::move(list_); }

private:
    std::map<ValueId, std::string> buffers_, scalars_;
    int numbers_ = 0;
    std::string parameters_, names_;
    std::vector<Argument> list_;
};

// Which digit the lanes of a vector run along, and how many there are.
struct Lanes {
    std::optional<Symbol> digit;
    int count = 1;
};

// What every node depends on.
class Dependence {
public:
    Dependence(const Trace& trace, const Nest& nest) : digits_(trace.nodes.size()), nest_(nest) {
        std::vector<std::set<int>> symbols;
        for (std::size_t n = 0; n < trace.nodes.size(); ++n) {
            const Node& node = trace.nodes[n];
            for (const int arg : node.args)
                digits_[n].insert(digits_[static_cast<std::size_t>(arg)].begin(),
                                  digits_[static_cast<std::size_t>(arg)].end());
            add(n, node.at);
            for (const Bound& bound : node.bounds)
                add(n, bound.index);
            if (node.kind == Node::Kind::index) {
                symbols_.resize(std::max(symbols_.size(), static_cast<std::size_t>(node.symbol) + 1));
                symbols_[static_cast<std::size_t>(node.symbol)] = digits_[n];
            }
        }
    }
    [[nodiscard]] bool on(int node, int digit) const {
        return digits_[static_cast<std::size_t>(node)].count(digit) != 0;
    }
    [[nodiscard]] bool on_folded(int node) const {
        const auto& own = digits_[static_cast<std::size_t>(node)];
        return !own.empty() && *own.rbegin() >= static_cast<int>(nest_.outer.size());
    }
    [[nodiscard]] bool symbol_on(int symbol, int digit) const {
        return symbols_[static_cast<std::size_t>(symbol)].count(digit) != 0;
    }

private:
    void add(std::size_t n, const Index& index) {
        for (const auto& [symbol, factor] : index.terms()) {
            if (symbol.kind == Symbol::Kind::digit)
                digits_[n].insert(symbol.number);
            else
                digits_[n].insert(symbols_[static_cast<std::size_t>(symbol.number)].begin(),
                                  symbols_[static_cast<std::size_t>(symbol.number)].end());
        }
    }

    std::vector<std::set<int>> digits_;
    std::vector<std::set<int>> symbols_;
    const Nest& nest_;
};

// Prints nodes as statements. Names: v<node> for values, d<digit> for digits, x<symbol> for loaded indices.
class Body {
public:
    Body(const Graph& graph, const Trace& trace, Arguments& arguments)
        : graph_(graph), trace_(trace), depends_(trace, trace.nest), arguments_(arguments) {}

    [[nodiscard]] const Dependence& depends() const { return depends_; }

    // True when everything that depends on the digit can be computed on several lanes at once.
    [[nodiscard]] bool has_lanes_along(const Symbol& digit) const {
        for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
            if (depends_.on(static_cast<int>(n), digit.number) && !node_has_lanes(trace_.nodes[n], digit)) return false;
        }
        return std::all_of(trace_.stores.begin(), trace_.stores.end(), [&](const Store& store) {
            const Compute compute = compute_of(graph_.type(store.value).element);
            return compute == Compute::f32 || compute == Compute::i32 || compute == Compute::mask;
        });
    }

    // How well memory accesses follow a digit: neighbours count for it, strides against it.
    [[nodiscard]] int density_along(const Symbol& digit) const {
        int score = 0;
        const auto judge = [&](const Index& at, int weight) {
            const std::int64_t step = at.coefficient(digit);
            score += step == 1 ? weight : step == 0 ? 0 : -2 * weight;
        };
        for (const Node& node : trace_.nodes) {
            if (node.kind == Node::Kind::load) judge(node.at, 1);
        }
        for (const Store& store : trace_.stores)
            judge(store.at, 2);
        return score;
    }

    // Statements for `node` and what it needs that is not in `done` yet, restricted to what `wanted` accepts.
    template <class Wanted>
    void emit(int node, const Lanes& lanes, std::set<int>& done, std::string& out, const std::string& indent,
              Wanted&& wanted) {
        if (done.count(node) != 0) return;
        const Node& own = at(node);
        for (const int arg : own.args)
            emit(arg, lanes, done, out, indent, wanted);
        for (const int n : symbols_of(own))
            emit(n, lanes, done, out, indent, wanted);
        if (own.kind == Node::Kind::accumulated || own.kind == Node::Kind::given || !wanted(node)) return;
        done.insert(node);
        out += indent + statement(node, lanes) + "\n";
    }

    [[nodiscard]] std::string name(int node) const {
        const Node& own = at(node);
        if (own.kind == Node::Kind::accumulated) return text("acc", own.pass);
        if (own.kind == Node::Kind::given) return "given";
        return text('v', node);
    }

    // Lanes of a node: 1 where it is the same for all of them.
    [[nodiscard]] int lanes_of(int node, const Lanes& lanes) const {
        return lanes.digit && varies(node, *lanes.digit) ? lanes.count : 1;
    }

    // The value of a node as a vector, whatever it is.
    [[nodiscard]] std::string widened(int node, const Lanes& lanes) const {
        if (lanes.count == 1 || lanes_of(node, lanes) == lanes.count) return name(node);
        const Compute compute = compute_of(at(node).element);
        const std::string value =
            compute == Compute::mask ? text('-', name(node)) : name(node);  // 1 becomes a mask's -1
        return text('(', type_name(compute, lanes.count), ")(", value, ')');
    }

    std::string store(const Store& target, const Lanes& lanes) {
        const ElementType element = graph_.type(target.value).element;
        const std::string pointer = arguments_.buffer(graph_, target.value, true);
        const std::int64_t step = lanes.digit ? target.at.coefficient(*lanes.digit) : 1;
        const std::string offset = position(target.at), value = widened(target.node, lanes);
        if (lanes.count == 1 || step == 1) return opencl::store(element, pointer, offset, value, lanes.count);
        std::string out = "{ ";
        const std::string stride = step == 0 ? "0" : strides_.at({target.at, lanes.digit->number});
        for (int k = 0; k < lanes.count; ++k) {
            out += opencl::store(element, pointer, text(offset, " + ", k, " * ", stride),
                                 text('(', value, ").s", "0123456789abcdef"[k]), 1) +
                   " ";
        }
        return out + "}";
    }

    // Makes the arguments of every access before any text is printed, so that the vector and the scalar body share
    // them.
    void declare_arguments() {
        declare_inputs();
        for (const Store& store : trace_.stores)
            declare(store.at);
    }
    void declare_inputs() {
        for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
            const Node& node = trace_.nodes[n];
            if (node.kind == Node::Kind::load) pointers_[node.value] = arguments_.buffer(graph_, node.value, false);
            if (node.kind == Node::Kind::scalar) pointers_[node.value] = arguments_.scalar(node.value, node.element);
            if (node.kind == Node::Kind::load || node.kind == Node::Kind::iota) declare(node.at);
            if (node.kind == Node::Kind::index || node.kind == Node::Kind::extent)
                extents_[static_cast<int>(n)] = arguments_.number(node.extent);
            if (node.kind == Node::Kind::iota) {
                scalars_[static_cast<int>(n)] = {arguments_.number(static_cast<std::int64_t>(node.p)),
                                                 arguments_.number(static_cast<std::int64_t>(node.q))};
            }
            for (std::size_t k = 0; k < node.bounds.size(); ++k) {
                declare(node.bounds[k].index);
                const auto key = std::make_pair(node.bounds[k].index, node.bounds[k].extent);
                if (bounds_.count(key) == 0) bounds_[key] = arguments_.number(node.bounds[k].extent);
            }
        }
    }

    // An index as an expression over d<digit> and x<symbol>.
    [[nodiscard]] std::string position(const Index& index) const {
        std::string out;
        for (const auto& [symbol, factor] : index.terms()) {
            const std::string name =
                symbol.kind == Symbol::Kind::digit ? text('d', symbol.number) : text('x', symbol.number);
            out += out.empty() ? "" : " + ";
            out += factor == 1 ? name : text(strides_.at({index, key_of(symbol)}), " * ", name);
        }
        if (index.offset() != 0 || out.empty()) {
            out += out.empty() ? "" : " + ";
            out += index.offset() == 0 ? "0" : offsets_.at(index);
        }
        return out;
    }

private:
    [[nodiscard]] const Node& at(int node) const { return trace_.nodes[static_cast<std::size_t>(node)]; }

    // Loaded indices get keys apart from the digits'.
    static int key_of(const Symbol& symbol) {
        return symbol.kind == Symbol::Kind::digit ? symbol.number : -1 - symbol.number;
    }

    void declare(const Index& index) {
        for (const auto& [symbol, factor] : index.terms()) {
            const auto key = std::make_pair(index, key_of(symbol));
            if (factor != 1 && strides_.count(key) == 0) strides_[key] = arguments_.number(factor);
        }
        if (index.offset() != 0 && offsets_.count(index) == 0) offsets_[index] = arguments_.number(index.offset());
    }

    // True when a node differs from lane to lane of a digit.
    [[nodiscard]] bool varies(int node, const Symbol& digit) const {
        const Node& own = at(node);
        if (own.kind == Node::Kind::given) return true;
        if (own.kind == Node::Kind::accumulated) return digit.number < static_cast<int>(trace_.nest.outer.size());
        return depends_.on(node, digit.number) ||
               std::any_of(own.args.begin(), own.args.end(), [&](int arg) { return varies(arg, digit); });
    }

    // The nodes that define the loaded indices which a node's addresses use.
    [[nodiscard]] std::vector<int> symbols_of(const Node& node) const {
        std::vector<int> out;
        const auto find = [&](const Index& index) {
            for (const auto& [symbol, factor] : index.terms()) {
                if (symbol.kind != Symbol::Kind::loaded) continue;
                for (std::size_t n = 0; n < trace_.nodes.size(); ++n) {
                    if (trace_.nodes[n].kind == Node::Kind::index && trace_.nodes[n].symbol == symbol.number)
                        out.push_back(static_cast<int>(n));
                }
            }
        };
        find(node.at);
        for (const Bound& bound : node.bounds)
            find(bound.index);
        return out;
    }

    [[nodiscard]] bool node_has_lanes(const Node& node, const Symbol& digit) const {
        const Compute compute = compute_of(node.element);
        if (compute != Compute::f32 && compute != Compute::i32 && compute != Compute::mask) return false;
        for (const Bound& bound : node.bounds) {
            if (bound.index.coefficient(digit) != 0 || through_symbols(bound.index, digit)) return false;
        }
        switch (node.kind) {
            case Node::Kind::load: return !tensor::is_nibble(node.element) && !through_symbols(node.at, digit);
            case Node::Kind::index: return false;
            case Node::Kind::apply: return opencl::has_lanes(*node.fn, at(node.args.back()).element);
            case Node::Kind::cast: {
                const Compute from = compute_of(at(node.args[0]).element);
                return from == Compute::f32 || from == Compute::i32 || from == Compute::mask;
            }
            default: return true;
        }
    }
    [[nodiscard]] bool through_symbols(const Index& index, const Symbol& digit) const {
        for (const auto& [symbol, factor] : index.terms()) {
            if (symbol.kind == Symbol::Kind::loaded && depends_.symbol_on(symbol.number, digit.number)) return true;
        }
        return false;
    }

    std::string statement(int node, const Lanes& lanes) {
        const Node& own = at(node);
        const int count = lanes_of(node, lanes);
        if (own.kind == Node::Kind::index) {
            const std::string raw = name(own.args[0]), extent = extents_.at(node);
            return text("const int x", own.symbol, " = (int)clamp((long)(", raw, " < 0 ? ", raw, " + ", extent, " : ",
                        raw, "), 0L, (long)(", extent, " - 1));");
        }
        return text("const ", type_name(compute_of(own.element), count), ' ', name(node), " = ",
                    expression(node, lanes, count), ';');
    }

    // A number that is the same on all lanes, as lanes if need be.
    std::string argument(int node, const Lanes& lanes, int count) const {
        return count == 1 ? name(node) : widened(node, lanes);
    }

    std::string expression(int node, const Lanes& lanes, int count) {
        const Node& own = at(node);
        const Compute compute = compute_of(own.element);
        switch (own.kind) {
            case Node::Kind::load: return guarded(own, loaded(own, lanes, count), count);
            case Node::Kind::scalar:
                return compute == Compute::mask ? text('(', pointers_.at(own.value), " != 0)")
                                                : pointers_.at(own.value);
            case Node::Kind::number: return literal(own.p, compute);
            case Node::Kind::extent: return text("(", type_name(compute, 1), ")", extents_.at(node));
            case Node::Kind::iota: return counted(node, lanes, count);
            case Node::Kind::apply: {
                std::vector<std::string> operands;
                for (const int arg : own.args)
                    operands.push_back(argument(arg, lanes, count));
                return apply(*own.fn, operands, own.p, own.q, at(own.args.back()).element, count);
            }
            case Node::Kind::cast:
                return cast(argument(own.args[0], lanes, count), at(own.args[0]).element, own.element, count);
            case Node::Kind::padded: {
                const std::string type = type_name(compute, count);
                const double outside = compute == Compute::mask ? (own.p != 0 ? (count == 1 ? 1 : -1) : 0) : own.p;
                return text(condition(own), " ? ", argument(own.args[0], lanes, count), " : (", type, ")(",
                            literal(outside, compute), ")");
            }
            case Node::Kind::index:
            case Node::Kind::accumulated:
            case Node::Kind::given: break;
        }
        base::fail(base::Code::internal, "a node without an expression");
    }

    std::string condition(const Node& node) const {
        std::string out;
        for (const Bound& bound : node.bounds) {
            const std::string where = position(bound.index);
            out += text(out.empty() ? "" : " && ", '(', where, ") >= 0 && (", where, ") < ",
                        bounds_.at({bound.index, bound.extent}));
        }
        return out.empty() ? "1" : "(" + out + ")";
    }
    std::string guarded(const Node& node, const std::string& value, int count) const {
        if (node.bounds.empty()) return value;
        return text(condition(node), " ? ", value, " : (", type_name(compute_of(node.element), count), ")(0)");
    }

    std::string loaded(const Node& node, const Lanes& lanes, int count) const {
        const std::string &pointer = pointers_.at(node.value), where = position(node.at);
        const std::int64_t step = lanes.digit ? node.at.coefficient(*lanes.digit) : 0;
        if (count == 1 || step == 1) return load(node.element, pointer, where, count);
        const std::string stride = strides_.at({node.at, lanes.digit->number});
        std::string out = text('(', type_name(compute_of(node.element), count), ")(");
        for (int k = 0; k < count; ++k) {
            const std::string one = load(node.element, pointer, text(where, " + ", k, " * ", stride), 1);
            out += text(k ? ", " : "", node.element == ElementType::boolean ? "-" : "", one);
        }
        return out + ")";
    }

    // start + step * position.
    std::string counted(int node, const Lanes& lanes, int count) const {
        const Node& own = at(node);
        const auto& [start, step] = scalars_.at(node);
        const std::string type = type_name(compute_of(own.element), count), one = type_name(compute_of(own.element), 1);
        const std::string first =
            text("(", type, ")((", one, ")", start, " + (", one, ")", step, " * (", one, ")(", position(own.at), "))");
        if (count == 1) return first;
        const std::int64_t along = own.at.coefficient(*lanes.digit);
        const std::string stride = along == 1 ? "1" : strides_.at({own.at, lanes.digit->number});
        std::string ladder = text('(', type, ")(");
        for (int k = 0; k < count; ++k)
            ladder += text(k ? ", " : "", k);
        return text(first, " + (", type, ")((", one, ")", step, " * (", one, ")", stride, ") * ", ladder, ")");
    }

    const Graph& graph_;
    const Trace& trace_;
    Dependence depends_;
    Arguments& arguments_;
    std::map<ValueId, std::string> pointers_;
    std::map<std::pair<Index, int>, std::string> strides_;
    std::map<Index, std::string> offsets_;
    std::map<int, std::string> extents_;
    std::map<int, std::pair<std::string, std::string>> scalars_;
    std::map<std::pair<Index, std::int64_t>, std::string> bounds_;
};

// The kernel around the body.
class Printer {
public:
    Printer(const Graph& graph, const Trace& trace, const Dialect& dialect)
        : graph_(graph), trace_(trace), dialect_(dialect), body_(graph, trace, arguments_) {}

    GeneratedKernel print() {
        for (const Store& store : trace_.stores)
            arguments_.buffer(graph_, store.value, true);
        body_.declare_arguments();
        choose_lanes();
        std::string code = trace_.nest.folded.empty() ? element_wise() : rows();
        GeneratedKernel out;
        const std::string attribute = dialect_.local_size == 1 ? "__attribute__((reqd_work_group_size(1, 1, 1))) " : "";
        const std::string signature = text('(', arguments_.parameters(), ") {\n");
        out.name = "loops_" + base::Digest::of(signature + code).hex().substr(0, 16);
        out.text = text("__kernel ", attribute, "void ", out.name, signature, code, "}\n");
        out.arguments = arguments_.take();
        out.items = items_;
        return out;
    }

private:
    [[nodiscard]] std::size_t outer_count() const { return trace_.nest.outer.size(); }

    void choose_lanes() {
        if (dialect_.lanes == 1) return;
        std::vector<Symbol> candidates;
        if (outer_count() > 0) candidates.push_back(trace_.nest.digit(outer_count() - 1));
        if (!trace_.nest.folded.empty())
            candidates.push_back(trace_.nest.digit(outer_count() + trace_.nest.folded.size() - 1));
        int best = -1;
        for (const Symbol& digit : candidates) {
            const int density = body_.density_along(digit);
            const bool usable =
                digit.extent >= 4 && density > best && body_.has_lanes_along(digit) && passes_have_lanes();
            if (!usable) continue;
            best = density;
            int count = dialect_.lanes;
            while (count > digit.extent && count > 4)
                count /= 2;
            lanes_ = {digit, count};
        }
    }
    [[nodiscard]] bool passes_have_lanes() const {
        return std::all_of(trace_.passes.begin(), trace_.passes.end(), [&](const Pass& pass) {
            const Compute compute = compute_of(trace_.nodes[static_cast<std::size_t>(pass.node)].element);
            return compute == Compute::f32 || compute == Compute::i32;
        });
    }
    [[nodiscard]] bool lanes_fold() const {
        return lanes_.digit && lanes_.digit->number >= static_cast<int>(outer_count());
    }

    // "const int d0 = r / n, ..." for outer digits [0, count) of the flat position in `from`.
    std::string decode(const std::string& from, std::size_t count, const std::string& indent) {
        std::string out, rest = from;
        for (std::size_t k = count; k-- > 0;) {
            if (trace_.nest.outer[k] == 1 && count > 1) {
                out += text(indent, "const int d", k, " = 0;\n");
            } else if (k == 0) {
                out += text(indent, "const int d0 = ", rest, ";\n");
            } else {
                const std::string extent = outer_extent(k);
                out += text(indent, "const int d", k, " = ", rest, " % ", extent, ", q", k, " = ", rest, " / ", extent,
                            ";\n");
                rest = text('q', k);
            }
        }
        return out;
    }
    std::string outer_extent(std::size_t k) {
        auto [at, fresh] = extents_.try_emplace(k, "");
        if (fresh) at->second = arguments_.number(trace_.nest.outer[k]);
        return at->second;
    }

    // Nodes that do not depend on the last outer digit, nor on folded ones, are computed once a row.
    std::string element_wise() {
        const std::size_t last = outer_count() - 1;
        const std::int64_t columns = trace_.nest.outer[last];
        std::int64_t rows = 1;
        for (std::size_t k = 0; k < last; ++k)
            rows *= trace_.nest.outer[k];
        const std::int64_t target = dialect_.one_per_item ? 1 : kElementsPerItem;
        const std::int64_t columns_per_item = std::min(columns, target),
                           rows_per_item =
                               std::clamp<std::int64_t>(target / columns, 1, std::max<std::int64_t>(rows, 1));
        const std::int64_t column_blocks = (columns + columns_per_item - 1) / columns_per_item;
        items_ = column_blocks * ((rows + rows_per_item - 1) / rows_per_item);
        const std::string n_items = arguments_.number(items_), n_blocks = arguments_.number(column_blocks),
                          n_rows = arguments_.number(rows), n_columns = arguments_.number(columns),
                          n_row_step = arguments_.number(rows_per_item),
                          n_column_step = arguments_.number(columns_per_item);
        const auto hoisted = [&](int node) { return !body_.depends().on(node, static_cast<int>(last)); };
        std::set<int> done;
        std::string out = text("    const int item = get_global_id(0);\n    if (item >= ", n_items, ") return;\n",
                               "    const int first = item % ", n_blocks, " * ", n_column_step, ", last = min(first + ",
                               n_column_step, ", ", n_columns, ");\n", "    const int row_end = min((item / ", n_blocks,
                               " + 1) * ", n_row_step, ", ", n_rows, ");\n", "    for (int row = item / ", n_blocks,
                               " * ", n_row_step, "; row < row_end; ++row) {\n");
        out += decode("row", last, "        ");
        for (const Store& store : trace_.stores)
            body_.emit(store.node, {}, done, out, "        ", hoisted);
        const std::string digit = text('d', last);
        out += text("        int ", digit, " = first;\n");
        if (lanes_.count > 1) {
            out +=
                text("        for (; ", digit, " + ", lanes_.count, " <= last; ", digit, " += ", lanes_.count, ") {\n");
            out += stores(done, lanes_, false, "            ") + "        }\n";
        }
        out += text("        for (; ", digit, " < last; ++", digit, ") {\n", stores(done, {}, false, "            "),
                    "        }\n    }\n");
        return out;
    }

    std::string stores(std::set<int> done, const Lanes& lanes, bool per_row, const std::string& indent) {
        std::string out;
        for (const Store& store : trace_.stores) {
            if (store.per_row != per_row) continue;
            body_.emit(store.node, lanes, done, out, indent, [](int) { return true; });
            out += indent + body_.store(store, lanes) + "\n";
        }
        return out;
    }

    // Reductions: a work-item takes a range of outer positions, several at once where the lanes run along them.
    std::string rows() {
        std::int64_t rows = 1, folded = 1;
        for (const auto extent : trace_.nest.outer)
            rows *= extent;
        for (const auto extent : trace_.nest.folded)
            folded *= extent;
        const std::int64_t step =
            dialect_.one_per_item
                ? 1
                : std::clamp<std::int64_t>(kElementsPerItem / std::max<std::int64_t>(folded, 1), 1, rows);
        const bool across = lanes_.digit && !lanes_fold();
        // Lanes along the outer positions must not cross the end of their digit: blocks are then ranges of that digit.
        const std::int64_t columns = across ? lanes_.digit->extent : rows;
        const std::int64_t per_item =
            across ? std::min<std::int64_t>(std::max<std::int64_t>(step, lanes_.count), columns) : step;
        const std::int64_t blocks = (columns + per_item - 1) / per_item;
        items_ = blocks * (rows / columns);
        const std::string n_items = arguments_.number(items_), n_columns = arguments_.number(columns),
                          n_step = arguments_.number(per_item), n_blocks = arguments_.number(blocks);
        std::string out =
            text("    const int item = get_global_id(0);\n    if (item >= ", n_items, ") return;\n",
                 "    const int base = item / ", n_blocks, " * ", n_columns, ", last = min((item % ", n_blocks,
                 " + 1) * ", n_step, ", ", n_columns, ");\n", "    int at = item % ", n_blocks, " * ", n_step, ";\n");
        if (across)
            out += text("    for (; at + ", lanes_.count, " <= last; at += ", lanes_.count, ") {\n", one_row(lanes_),
                        "    }\n");
        out += text("    for (; at < last; ++at) {\n", one_row(across ? Lanes{} : lanes_), "    }\n");
        return out;
    }

    std::string one_row(const Lanes& lanes) {
        const std::string indent = "        ";
        std::string out = text(indent, "const int row = base + at;\n") + decode("row", outer_count(), indent);
        std::set<int> done;
        const auto outside = [&](int node) { return !body_.depends().on_folded(node) && ready(node, done); };
        for (std::size_t p = 0; p < trace_.passes.size(); ++p) {
            const Pass& pass = trace_.passes[p];
            body_.emit(pass.node, lanes, done, out, indent, outside);
            out += accumulate(p, lanes, done, indent);
            finished_.insert(static_cast<int>(p));
        }
        for (const Store& store : trace_.stores)
            body_.emit(store.node, lanes, done, out, indent, outside);
        out += stores(done, row_lanes(lanes), true, indent);
        const bool any =
            std::any_of(trace_.stores.begin(), trace_.stores.end(), [](const Store& store) { return !store.per_row; });
        if (any) {
            out += folded_loops(lanes, indent, [&](const Lanes& inner, const std::string& deeper) {
                return stores(done, inner, false, deeper);
            });
        }
        finished_.clear();
        return out;
    }
    // Behind the passes a row has lanes only if they run along the outer digits.
    [[nodiscard]] Lanes row_lanes(const Lanes& lanes) const { return lanes_fold() ? Lanes{} : lanes; }

    // A node may be computed outside of the loops once the passes that it uses are done.
    [[nodiscard]] bool ready(int node, const std::set<int>&) const {
        const Node& own = trace_.nodes[static_cast<std::size_t>(node)];
        if (own.kind == Node::Kind::accumulated) return finished_.count(own.pass) != 0;
        return std::all_of(own.args.begin(), own.args.end(), [&](int arg) { return ready(arg, {}); });
    }

    std::string accumulate(std::size_t number, const Lanes& lanes, const std::set<int>& done,
                           const std::string& indent) {
        const Pass& pass = trace_.passes[number];
        const ElementType element = trace_.nodes[static_cast<std::size_t>(pass.node)].element;
        const Compute compute = compute_of(element);
        const bool fold_wide = lanes_fold() && lanes.count > 1;
        const std::string acc = text("acc", number), wide = fold_wide ? text("wide", number) : "";
        const int outer_lanes = lanes_fold() ? 1 : lanes.count;
        const std::string start = fold_start(pass.fn, element);
        std::string out = text(indent, type_name(compute, outer_lanes), ' ', acc, " = (",
                               type_name(compute, outer_lanes), ")(", start, ");\n");
        if (fold_wide)
            out += text(indent, type_name(compute, lanes.count), ' ', wide, " = (", type_name(compute, lanes.count),
                        ")(", start, ");\n");
        out += folded_loops(lanes, indent, [&](const Lanes& inner, const std::string& deeper) {
            std::string text_inside;
            std::set<int> seen = done;
            body_.emit(pass.node, inner, seen, text_inside, deeper, [](int) { return true; });
            const std::string& target = fold_wide && inner.count > 1 ? wide : acc;
            return text_inside +
                   text(deeper, target, " = ", fold(pass.fn, target, body_.widened(pass.node, inner), compute), ";\n");
        });
        if (fold_wide)
            out += text(indent, acc, " = ",
                        fold(pass.fn, acc, fold_lanes(pass.fn, wide, compute, lanes.count), compute), ";\n");
        return out;
    }

    // Loops over the folded digits around what `inside(lanes, indent)` prints, the last one in lanes where they run
    // along it.
    template <class Inside>
    std::string folded_loops(const Lanes& lanes, std::string indent, Inside&& inside) {
        std::string out, close;
        const std::size_t count = trace_.nest.folded.size();
        const auto head = [&](std::size_t k) { return text('d', outer_count() + k); };
        for (std::size_t k = 0; k + 1 < count; ++k) {
            out += text(indent, "for (int ", head(k), " = 0; ", head(k), " < ", folded_extent(k), "; ++", head(k),
                        ") {\n");
            close = text(indent, "}\n") + close;
            indent += "    ";
        }
        const std::string digit = head(count - 1), extent = folded_extent(count - 1);
        out += text(indent, "int ", digit, " = 0;\n");
        std::string open = text(indent, "{\n");
        if (lanes_fold() && lanes.count > 1) {
            out += text(indent, "for (; ", digit, " + ", lanes.count, " <= ", extent, "; ", digit, " += ", lanes.count,
                        ") {\n", inside(lanes, indent + "    "), indent, "}\n");
        }
        const Lanes rest = lanes_fold() ? Lanes{} : lanes;
        out += text(indent, "for (; ", digit, " < ", extent, "; ++", digit, ") {\n", inside(rest, indent + "    "),
                    indent, "}\n");
        // Each nest stands in a block of its own, since its counters are declared in it.
        return text("        {\n", out, close, "        }\n");
    }
    std::string folded_extent(std::size_t k) {
        auto [at, fresh] = extents_.try_emplace(outer_count() + k, "");
        if (fresh) at->second = arguments_.number(trace_.nest.folded[k]);
        return at->second;
    }

    const Graph& graph_;
    const Trace& trace_;
    const Dialect& dialect_;
    Arguments arguments_;
    Body body_;
    Lanes lanes_;
    std::map<std::size_t, std::string> extents_;
    std::set<int> finished_;
    std::int64_t items_ = 0;
};

// One of an epilogue's two functions, without its name.
std::string epilogue_function(Body& body, const Trace& trace, const Lanes& lanes, ElementType given,
                              const std::string& parameters) {
    const Store& store = trace.stores.at(0);
    const Compute result = compute_of(trace.nodes[static_cast<std::size_t>(store.node)].element);
    std::string out =
        text("(", type_name(compute_of(given), lanes.count), " given, int d0, int d1", parameters, ") {\n");
    std::set<int> done;
    body.emit(store.node, lanes, done, out, "    ", [](int) { return true; });
    out += text("    return ", body.widened(store.node, lanes), ";\n}\n");
    return text("inline ", type_name(result, lanes.count), " NAME", out);
}

// Where the chain cannot be computed on several lanes at once, lane by lane.
std::string lane_by_lane(const std::string& one_name, Compute given, Compute result, int lanes,
                         const std::string& parameters, const std::string& names) {
    std::string out = text("inline ", type_name(result, lanes), " NAME(", type_name(given, lanes),
                           " given, int d0, int d1", parameters, ") {\n    return (", type_name(result, lanes), ")(");
    for (int k = 0; k < lanes; ++k)
        out += text(k ? ", " : "", one_name, "(given.s", "0123456789abcdef"[k], ", d0, d1 + ", k, names, ")");
    return out + ");\n}\n";
}

std::string renamed(std::string function, const std::string& name) {
    return function.replace(function.find("NAME"), 4, name);
}

}  // namespace

Epilogue print_epilogue(const Graph& graph, const Trace& trace, ElementType given, int lanes) {
    Arguments arguments;
    Body body(graph, trace, arguments);
    body.declare_inputs();
    Epilogue out;
    out.value = trace.stores.at(0).value;
    out.element = graph.type(out.value).element;
    out.parameters = arguments.parameters().empty() ? "" : ", " + arguments.parameters();
    out.names = arguments.names();
    const std::string one = epilogue_function(body, trace, {}, given, out.parameters);
    const std::string key = "epilogue_" + base::Digest::of(text(one, lanes)).hex().substr(0, 12);
    out.one_name = key + "_one";
    out.lanes_name = lanes == 1 ? out.one_name : key + "_lanes";
    out.functions = renamed(one, out.one_name);
    const Symbol column = trace.nest.digit(1);
    if (lanes > 1) {
        const bool wide = body.has_lanes_along(column);
        const Compute result = compute_of(trace.nodes[static_cast<std::size_t>(trace.stores[0].node)].element);
        const std::string many =
            wide ? epilogue_function(body, trace, {column, lanes}, given, out.parameters)
                 : lane_by_lane(out.one_name, compute_of(given), result, lanes, out.parameters, out.names);
        out.functions += renamed(many, out.lanes_name);
    }
    out.arguments = arguments.take();
    return out;
}

GeneratedKernel print_loops(const Graph& graph, const Trace& trace, const Dialect& dialect) {
    return Printer(graph, trace, dialect).print();
}

}  // namespace shoal::opencl
