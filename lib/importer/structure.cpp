#include "importer/structure.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <set>
#include <unordered_map>

#include "base/error.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;

constexpr std::size_t kNobody = ~std::size_t{0};

// Which operator makes a name; kNobody for inputs and initialisers.
using Makers = std::unordered_map<std::string_view, std::size_t>;

Makers makers_of(const SourceBody& body) {
    Makers out;
    for (const auto& input : body.inputs) {
        if (!out.emplace(input.name, kNobody).second)
            fail(Code::invalid_model, "graph '", body.name, "' has two inputs '", input.name, "'");
    }
    for (const auto& [name, tensor] : body.initialisers)
        out.emplace(name, kNobody);  // of an input's name: its default
    for (std::size_t i = 0; i < body.ops.size(); ++i) {
        for (const auto& name : body.ops[i].outputs) {
            if (name.empty()) continue;
            const auto [at, fresh] = out.emplace(name, i);
            if (fresh) continue;
            fail(Code::invalid_model, "value '", name, "' is made twice: by ", describe(body.ops[i]), " and by ",
                 at->second == kNobody ? "an input or initialiser" : describe(body.ops[at->second]));
        }
    }
    return out;
}

// For every operator those of the same body that read what it makes.
struct Dependencies {
    std::vector<std::vector<std::size_t>> readers;
    std::vector<std::size_t> missing;  // how many operators must run before this one
    bool in_order = true;
};

Dependencies dependencies_of(const SourceBody& body, const Makers& makers) {
    Dependencies out{std::vector<std::vector<std::size_t>>(body.ops.size()),
                     std::vector<std::size_t>(body.ops.size(), 0)};
    for (std::size_t i = 0; i < body.ops.size(); ++i) {
        for (const auto name : names_read(body.ops[i])) {
            const auto maker = makers.find(name);
            if (maker == makers.end() || maker->second == kNobody) continue;
            out.readers[maker->second].push_back(i);
            ++out.missing[i];
            out.in_order = out.in_order && maker->second < i;
        }
    }
    return out;
}

// Kahn's algorithm; of those that can run the one that stands first.
void sort_ops(SourceBody& body, Dependencies dependencies) {
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t i = 0; i < body.ops.size(); ++i) {
        if (dependencies.missing[i] == 0) ready.push(i);
    }
    std::vector<SourceOp> sorted;
    while (!ready.empty()) {
        const std::size_t i = ready.top();
        ready.pop();
        sorted.push_back(std::move(body.ops[i]));
        for (const std::size_t reader : dependencies.readers[i]) {
            if (--dependencies.missing[reader] == 0) ready.push(reader);
        }
    }
    if (sorted.size() == body.ops.size()) {
        body.ops = std::move(sorted);
        return;
    }
    for (std::size_t i = 0; i < body.ops.size(); ++i) {
        if (dependencies.missing[i] == 0) continue;
        fail(Code::invalid_model, describe(body.ops[i]), " stands in a cycle of ", body.ops.size() - sorted.size(),
             " operators that wait for each other");
    }
}

void fill_captured(SourceBody& body, const Makers& makers, bool complete) {
    std::set<std::string_view> captured;
    const auto check = [&](std::string_view name, const auto& who) {
        if (makers.count(name) != 0) return;
        if (complete) fail(Code::invalid_model, who(), " reads '", name, "', which nothing makes");
        captured.insert(name);
    };
    for (const SourceOp& op : body.ops) {
        for (const auto name : names_read(op))
            check(name, [&] { return describe(op); });
    }
    std::set<std::string_view> outputs;
    for (const auto& output : body.outputs) {
        check(output.name, [&] { return "output of graph '" + body.name + "'"; });
        if (complete && !outputs.insert(output.name).second)
            fail(Code::invalid_model, "graph '", body.name, "' has two outputs '", output.name, "'");
    }
    body.captured.assign(captured.begin(), captured.end());
}

}  // namespace

void settle(SourceBody& body, bool complete) {
    const Makers makers = makers_of(body);
    fill_captured(body, makers, complete);
    auto dependencies = dependencies_of(body, makers);
    if (!dependencies.in_order) sort_ops(body, std::move(dependencies));
}

void expect_no_recursion(const SourceModel& model) {
    constexpr int kDeepest = 100;
    enum class State { open, done };
    std::unordered_map<const SourceFunction*, State> states;
    const std::function<void(const SourceBody&, int)> visit = [&](const SourceBody& body, int depth) {
        for_each_op(body, [&](const SourceOp& op, int) {
            const SourceFunction* called = model.find_function(op);
            if (called == nullptr) return;
            const auto [at, fresh] = states.emplace(called, State::open);
            if (!fresh && at->second == State::open)
                fail(Code::invalid_model, "function ", describe(op), " calls itself");
            if (!fresh) return;
            if (depth >= kDeepest) fail(Code::invalid_model, "functions call each other more than ", kDeepest, " deep");
            visit(called->body, depth + 1);
            states[called] = State::done;
        });
    };
    visit(model.body, 0);
}

}  // namespace shoal::importer
