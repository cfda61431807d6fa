#include "opencl/codegen/print_row_groups.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "opencl/codegen/loop_body.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::text;

namespace {

std::int64_t product(const std::vector<std::int64_t>& extents) {
    return std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t ceil_power(std::int64_t value) {
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(value)));
}

// How a work-group's items share its rows: `slices` of them, a power of two, fold each of `rows`.
struct Sharing {
    std::int64_t rows, slices;
    bool along_row;  // neighbouring items read neighbours of a row, else the same place of neighbouring rows
};

class Printer {
public:
    Printer(const Graph& graph, const Trace& trace, const Dialect& dialect)
        : graph_(graph), trace_(trace), dialect_(dialect), body_(graph, trace, arguments_) {}

    std::optional<GeneratedKernel> print() {
        const auto sharing = share();
        if (!sharing) return std::nullopt;
        sharing_ = *sharing;
        for (const Store& store : trace_.stores)
            arguments_.buffer(graph_, store.value, true);
        body_.declare_arguments();
        const std::string code = body();
        GeneratedKernel out;
        out.group = static_cast<int>(sharing_.rows * sharing_.slices);
        out.items = (product(trace_.nest.outer) + sharing_.rows - 1) / sharing_.rows * out.group;
        const std::string signature = text('(', arguments_.parameters(), ") {\n");
        const std::string attribute = text("__attribute__((reqd_work_group_size(", out.group, ", 1, 1))) ");
        out.name = "rows_" + base::Digest::of(attribute + signature + code).hex().substr(0, 16);
        out.text = text("__kernel ", attribute, "void ", out.name, signature, code, "}\n");
        out.arguments = arguments_.take();
        return out;
    }

private:
    [[nodiscard]] std::size_t outer_count() const { return trace_.nest.outer.size(); }

    [[nodiscard]] std::optional<Sharing> share() const {
        constexpr std::int64_t kShortRow = 16;    // less is folded sooner than shared
        constexpr std::int64_t kEach = 4;         // elements that an item folds by itself, at least
        constexpr std::int64_t kManyRows = 8192;  // as many side by side fill a device without being shared
        constexpr std::int64_t kNeighbours = 16;  // rows side by side that make a whole read of memory
        const std::int64_t rows = product(trace_.nest.outer), folded = product(trace_.nest.folded);
        if (trace_.passes.empty() || folded < kShortRow || dialect_.team < kNeighbours) return std::nullopt;
        const Symbol inner = trace_.nest.digit(outer_count() + trace_.nest.folded.size() - 1);
        const bool along_row = outer_count() == 0 ||
                               body_.density_along(inner) >= body_.density_along(trace_.nest.digit(outer_count() - 1));
        const std::int64_t wanted = std::min<std::int64_t>(ceil_power((folded + kEach - 1) / kEach), dialect_.team);
        if (along_row) return Sharing{dialect_.team / wanted, wanted, true};
        const std::int64_t slices = std::min(wanted, dialect_.team / kNeighbours);
        if (rows >= kManyRows || slices < 2) return std::nullopt;
        return Sharing{dialect_.team / slices, slices, false};
    }

    // "const int d0 = from / n, ..." for the digits [first, first + extents.size()) of the flat position in `from`.
    std::string decode(const std::string& from, std::size_t first, const std::vector<std::int64_t>& extents,
                       const std::string& indent) {
        std::string out, rest = from;
        for (std::size_t k = extents.size(); k-- > 0;) {
            const std::string digit = text('d', first + k);
            if (k == 0) {
                out += text(indent, "const int ", digit, " = ", rest, ";\n");
            } else {
                const std::string extent = extent_of(first + k, extents[k]);
                out += text(indent, "const int ", digit, " = ", rest, " % ", extent, ", q", first + k, " = ", rest,
                            " / ", extent, ";\n");
                rest = text('q', first + k);
            }
        }
        return out;
    }
    std::string extent_of(std::size_t digit, std::int64_t extent) {
        auto [at, fresh] = extents_.try_emplace(digit, "");
        if (fresh) at->second = arguments_.number(extent);
        return at->second;
    }

    std::string body() {
        const std::string indent = "    ";
        folded_count_ = arguments_.number(product(trace_.nest.folded));
        const std::string n_rows = arguments_.number(product(trace_.nest.outer));
        const auto [rows, slices, along_row] = sharing_;
        std::string out;
        for (const auto& type : part_types())
            out += text(indent, "__local ", type, " parts_", type, "[", rows * slices, "];\n");
        out += text(indent, "const int item = get_local_id(0), own = item ", along_row ? "/ " : "% ",
                    along_row ? slices : rows, ", slice = item ", along_row ? "% " : "/ ", along_row ? slices : rows,
                    ";\n", indent, "const int position = (int)get_group_id(0) * ", rows, " + own;\n", indent,
                    // Items without a row go along with the last one: all of a group must come to its barriers.
                    "const int row = min(position, ", n_rows, " - 1);\n");
        out += decode("row", 0, trace_.nest.outer, indent);
        std::set<int> done;
        const auto outside = [&](int node) { return !body_.depends().on_folded(node) && ready(node); };
        for (std::size_t p = 0; p < trace_.passes.size(); ++p) {
            body_.emit(trace_.passes[p].node, {}, done, out, indent, outside);
            out += accumulate(p, done, indent);
            finished_.insert(static_cast<int>(p));
        }
        for (const Store& store : trace_.stores)
            body_.emit(store.node, {}, done, out, indent, outside);
        out += text(indent, "if (position >= ", n_rows, ") return;\n");
        const auto has = [&](bool per_row) {
            return std::any_of(trace_.stores.begin(), trace_.stores.end(),
                               [&](const Store& store) { return store.per_row == per_row; });
        };
        if (has(true)) out += text(indent, "if (slice == 0) {\n", stores(done, true, "        "), indent, "}\n");
        if (has(false)) out += folded_loop(indent, stores(done, false, "        "));
        return out;
    }

    [[nodiscard]] std::set<std::string> part_types() const {
        std::set<std::string> out;
        for (const Pass& pass : trace_.passes)
            out.insert(type_of(pass));
        return out;
    }
    [[nodiscard]] ElementType element_of(const Pass& pass) const {
        return trace_.nodes[static_cast<std::size_t>(pass.node)].element;
    }
    [[nodiscard]] std::string type_of(const Pass& pass) const { return type_name(compute_of(element_of(pass)), 1); }

    // A node may be computed outside of the loops once the passes that it uses are done.
    [[nodiscard]] bool ready(int node) const {
        const Node& own = trace_.nodes[static_cast<std::size_t>(node)];
        if (own.kind == Node::Kind::accumulated) return finished_.count(own.pass) != 0;
        return std::all_of(own.args.begin(), own.args.end(), [&](int arg) { return ready(arg); });
    }

    // Every item's share of the row's elements.
    std::string folded_loop(const std::string& indent, const std::string& inside) {
        const std::string deeper = indent + "    ";
        return text(indent, "for (int folded = slice; folded < ", folded_count_, "; folded += ", sharing_.slices,
                    ") {\n", decode("folded", outer_count(), trace_.nest.folded, deeper), inside, indent, "}\n");
    }

    std::string accumulate(std::size_t number, std::set<int> done, const std::string& indent) {
        const Pass& pass = trace_.passes[number];
        const Compute compute = compute_of(element_of(pass));
        const std::string type = type_of(pass), acc = text("acc", number), parts = text("parts_", type),
                          deeper = indent + "    ";
        std::string inside;
        body_.emit(pass.node, {}, done, inside, deeper, [](int) { return true; });
        inside += text(deeper, acc, " = ", fold(pass.fn, acc, body_.widened(pass.node, {}), compute, 1), ";\n");
        std::string out = text(indent, type, ' ', acc, " = (", type, ")(", fold_start(pass.fn, element_of(pass)),
                               ");\n", folded_loop(indent, inside), indent, parts, "[item] = ", acc, ";\n");
        const std::string apart = sharing_.along_row ? "" : text(" * ", sharing_.rows);
        out += text(indent, "for (int apart = ", sharing_.slices / 2, "; apart > 0; apart /= 2) {\n", deeper,
                    "barrier(CLK_LOCAL_MEM_FENCE);\n", deeper, "if (slice < apart) ", parts, "[item] = ",
                    fold(pass.fn, text(parts, "[item]"), text(parts, "[item + apart", apart, "]"), compute, 1), ";\n",
                    indent, "}\n");
        const std::string first = sharing_.along_row ? text("item - slice") : std::string("own");
        out += text(indent, "barrier(CLK_LOCAL_MEM_FENCE);\n", indent, acc, " = ", parts, "[", first, "];\n", indent,
                    "barrier(CLK_LOCAL_MEM_FENCE);\n");  // before the next pass writes there
        return out;
    }

    std::string stores(std::set<int> done, bool per_row, const std::string& indent) {
        std::string out;
        for (const Store& store : trace_.stores) {
            if (store.per_row != per_row) continue;
            body_.emit(store.node, {}, done, out, indent, [](int) { return true; });
            out += indent + body_.store(store, {}) + "\n";
        }
        return out;
    }

    const Graph& graph_;
    const Trace& trace_;
    const Dialect& dialect_;
    Arguments arguments_;
    LoopBody body_;
    Sharing sharing_{};
    std::string folded_count_;
    std::map<std::size_t, std::string> extents_;
    std::set<int> finished_;
};

}  // namespace

std::optional<GeneratedKernel> print_row_groups(const Graph& graph, const Trace& trace, const Dialect& dialect) {
    return Printer(graph, trace, dialect).print();
}

}  // namespace shoal::opencl
