#include "opencl/codegen/print_loops.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "opencl/codegen/loop_body.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::text;

namespace {

// Elements that one work-item of a CPU device handles: long enough to pay for its start, short enough to share.
constexpr std::int64_t kElementsPerItem = 8192;

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
        const std::string attribute = text("__attribute__((reqd_work_group_size(", dialect_.local_size, ", 1, 1))) ");
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
            if (trace_.nest.folded.empty()) body_.hold_inside(digit);
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
        body_.hold_inside(std::nullopt);
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

    // A last digit this short is written out: a loop over it would cost more than its body.
    static constexpr std::int64_t kShort = 3;

    // Nodes that do not depend on the digits from the one that is looped over, nor on folded ones, are computed once a
    // row.
    std::string element_wise() {
        const bool written_out = !dialect_.one_per_item && outer_count() > 1 && trace_.nest.outer.back() <= kShort;
        const std::size_t last = outer_count() - (written_out ? 2 : 1);
        const std::int64_t columns = trace_.nest.outer[last];
        std::int64_t rows = 1;
        for (std::size_t k = 0; k < last; ++k)
            rows *= trace_.nest.outer[k];
        const std::int64_t target =
            dialect_.one_per_item ? 1 : kElementsPerItem / (written_out ? trace_.nest.outer.back() : 1);
        const std::int64_t columns_per_item = std::min(columns, target),
                           rows_per_item =
                               std::clamp<std::int64_t>(target / columns, 1, std::max<std::int64_t>(rows, 1));
        const std::int64_t column_blocks = (columns + columns_per_item - 1) / columns_per_item;
        items_ = column_blocks * ((rows + rows_per_item - 1) / rows_per_item);
        const std::string n_items = arguments_.number(items_), n_blocks = arguments_.number(column_blocks),
                          n_rows = arguments_.number(rows), n_columns = arguments_.number(columns),
                          n_row_step = arguments_.number(rows_per_item),
                          n_column_step = arguments_.number(columns_per_item);
        const auto hoisted = [&](int node) {
            const auto on = [&](std::size_t digit) { return body_.depends().on(node, static_cast<int>(digit)); };
            return !on(last) && !(written_out && on(last + 1));
        };
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
        const auto up_to = [&](const std::string& end) {
            out += text("        for (; ", digit, " < ", end, "; ++", digit, ") {\n");
            out += written_out ? all_of_last(done) : stores(done, {}, false, "            ");
            out += "        }\n";
        };
        const Symbol along = trace_.nest.digit(last);
        const auto inside = dialect_.one_per_item ? std::nullopt : body_.inside_along(along);
        std::string end = "last";
        if (inside) {  // the edges one by one, what lies between them without asking
            end = "inside_end";
            out += text("        const int inside_first = clamp(", arguments_.number(inside->first), ", first, last), ",
                        end, " = clamp(", arguments_.number(inside->last), ", inside_first, last);\n");
            up_to("inside_first");
            body_.hold_inside(along);
        }
        if (lanes_.count > 1) {
            out += text("        for (; ", digit, " + ", lanes_.count, " <= ", end, "; ", digit, " += ", lanes_.count,
                        ") {\n", stores(done, lanes_, false, "            "), "        }\n");
        }
        up_to(end);
        body_.hold_inside(std::nullopt);
        if (inside) up_to("last");
        return out + "    }\n";
    }

    // Every value of the last digit, one after the other.
    std::string all_of_last(const std::set<int>& done) {
        std::string out;
        for (std::int64_t n = 0; n < trace_.nest.outer.back(); ++n)
            out += text("            { const int d", outer_count() - 1, " = ", n, ";\n",
                        stores(done, {}, false, "            "), "            }\n");
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
        // A row without elements reads nothing: what its passes would have read need not be there.
        const auto& folded = trace_.nest.folded;
        const bool runs = std::find(folded.begin(), folded.end(), 0) == folded.end();
        const auto outside = [&](int node) { return runs && !body_.depends().on_folded(node) && ready(node, done); };
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
            return text_inside + text(deeper, target, " = ",
                                      fold(pass.fn, target, body_.widened(pass.node, inner), compute, inner.count),
                                      ";\n");
        });
        if (fold_wide)
            out += text(indent, acc, " = ",
                        fold(pass.fn, acc, fold_lanes(pass.fn, wide, compute, lanes.count), compute, 1), ";\n");
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
    LoopBody body_;
    Lanes lanes_;
    std::map<std::size_t, std::string> extents_;
    std::set<int> finished_;
    std::int64_t items_ = 0;
};

}  // namespace

GeneratedKernel print_loops(const Graph& graph, const Trace& trace, const Dialect& dialect) {
    return Printer(graph, trace, dialect).print();
}

}  // namespace shoal::opencl
