#include "cli/explain.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "cli/signals.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::text;
using Json = nlohmann::ordered_json;

namespace {

double bytes_of(const graph::Cost& cost) {
    return cost.bytes_read + cost.bytes_written;
}

double seconds_at_limit(const graph::Cost& cost, const device::Rates& rates) {
    if (!rates.measured()) return 0;
    const double arithmetic = cost.flops / rates.flops_per_s;
    const double memory = rates.bytes_per_s > 0 ? bytes_of(cost) / rates.bytes_per_s : 0;
    return std::max(arithmetic, memory);
}

double share_of_limit(const graph::Cost& cost, double seconds, const device::Rates& rates) {
    return seconds > 0 ? seconds_at_limit(cost, rates) / seconds : 0;
}

std::string per_second(double amount, double seconds) {
    return seconds > 0 ? number(amount / seconds / 1e9, 3) : "-";
}

std::string percent(double share) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.1f%%", share * 100);
    return out.data();
}

struct Total {
    double seconds = 0;
    graph::Cost cost{};
};

Total total_of(const std::vector<ExplainedKernel>& kernels) {
    Total out;
    for (const auto& [report, operators] : kernels) {
        out.seconds += report.seconds;
        out.cost += report.cost;
    }
    return out;
}

}  // namespace

std::vector<ExplainedKernel> explain(const std::vector<std::shared_ptr<runtime::Executable>>& executables, int repeat) {
    std::vector<ExplainedKernel> out;
    for (const auto& executable : executables) {
        check_signals();
        for (auto& report : executable->profile(repeat)) {
            ExplainedKernel kernel{std::move(report), {}};
            for (const auto op : kernel.report.ops) {
                const auto& name = executable->graph().ops[op].name;
                auto& names = kernel.operators;
                if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
            }
            out.push_back(std::move(kernel));
        }
    }
    return out;
}

double seconds_at_limit(const std::vector<ExplainedKernel>& kernels, const device::Rates& rates) {
    double out = 0;
    for (const auto& kernel : kernels)
        out += seconds_at_limit(kernel.report.cost, rates);
    return out;
}

std::string explain_text(const std::vector<ExplainedKernel>& kernels, const device::Rates& rates) {
    using Fit = Column::Fit;
    Table table({{"#", Fit::number},
                 {"time", Fit::number},
                 {"share", Fit::number},
                 {"GFLOP/s", Fit::number},
                 {"GB/s", Fit::number},
                 {"limit", Fit::number},
                 {"kernel", Fit::name}});
    const Total total = total_of(kernels);
    int row = 0;
    for (const auto& [report, operators] : kernels) {
        const double seconds = report.seconds;
        table.add({std::to_string(++row), base::format_ms(seconds * 1e3),
                   percent(seconds / std::max(total.seconds, 1e-12)), per_second(report.cost.flops, seconds),
                   per_second(bytes_of(report.cost), seconds),
                   rates.measured() ? percent(share_of_limit(report.cost, seconds, rates)) : "-", report.name});
        table.add_note(wrapped(report.work, 4));
        if (!operators.empty()) table.add_note(wrapped(joined(operators), 6));
    }
    std::string out = table.text();
    out += text("total ", base::format_ms(total.seconds * 1e3), " in ",
                counted(static_cast<long long>(kernels.size()), "kernel"), ", ",
                per_second(total.cost.flops, total.seconds), " GFLOP/s, ",
                per_second(bytes_of(total.cost), total.seconds), " GB/s\n");
    if (rates.measured()) {
        const double at_limit = seconds_at_limit(kernels, rates);
        out += text("the device reached ", number(rates.flops_per_s / 1e9, 3), " GFLOP/s and ",
                    number(rates.bytes_per_s / 1e9, 3), " GB/s when it was measured; by these it\nwould need ",
                    base::format_ms(at_limit * 1e3), ", which is ", percent(at_limit / std::max(total.seconds, 1e-12)),
                    " of the time (column limit;\nmore than 100 % where data lie in a cache, which is faster than memory)\n");
    }
    return out;
}

Json explain_json(const std::vector<ExplainedKernel>& kernels, const device::Rates& rates) {
    Json out = Json::array();
    for (const auto& [report, operators] : kernels) {
        Json row{{"kernel", report.name},
                 {"work", report.work},
                 {"operators", operators},
                 {"seconds", report.seconds},
                 {"flops", report.cost.flops},
                 {"bytes_read", report.cost.bytes_read},
                 {"bytes_written", report.cost.bytes_written},
                 {"weight_bytes", report.weight_bytes},
                 {"workspace_bytes", report.workspace_bytes}};
        if (rates.measured()) row["share_of_limit"] = share_of_limit(report.cost, report.seconds, rates);
        out.push_back(std::move(row));
    }
    return out;
}

}  // namespace shoal::cli
