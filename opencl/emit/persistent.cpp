#include "opencl/emit/persistent.hpp"

#include <map>

#include "base/bit_cast.hpp"
#include "base/digest.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/kernel_table.hpp"

namespace shoal::opencl {
namespace {

using base::text;

// A kernel may have 1024 bytes of arguments (CL_DEVICE_MAX_PARAMETER_SIZE at least): pointers beyond the fixed four.
constexpr std::size_t kMostBases = 100;
// A step: kind, extents of the launch, chunk of items that a group takes at once, then the arguments: a pointer takes
// three numbers (base, offset low and high), everything else one or two.
constexpr std::size_t kHeader = 5;
constexpr std::size_t kLine = 32;  // LINE in persistent.cl

// Replaces every occurrence.
std::string replaced(std::string in, std::string_view what, std::string_view with) {
    for (std::size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + with.size()))
        in.replace(at, what.size(), with);
    return in;
}

// The kernels as functions that are told which work-item they are: "__kernel attributes void NAME(" loses what makes it
// a kernel and gains three parameters, and the ids that it asks for are those.
std::string as_functions(const std::string& kernels) {
    constexpr std::string_view kKernel = "__kernel ", kVoid = " void ";
    std::string out;
    std::size_t from = 0;
    for (std::size_t at = kernels.find(kKernel); at != std::string::npos; at = kernels.find(kKernel, from)) {
        const std::size_t name = kernels.find(kVoid, at) + kVoid.size(), open = kernels.find('(', name);
        out += kernels.substr(from, at - from) + "__attribute__((always_inline)) void " +
               kernels.substr(name, open - name) + "(const int item_0, const int item_1, const int item_2, ";
        from = open + 1;
    }
    out += kernels.substr(from);
    for (const char axis : {'0', '1', '2'})
        out = replaced(out, text("get_global_id(", axis, ")"), text("item_", axis));
    return out;
}

class Maker {
public:
    Maker(const Graph& graph, const Emission& emission, const Residence& residence, PersistentOptions options)
        : graph_(graph), emission_(emission), residence_(residence), workers_(options.workers) {
        out_.timed = options.timed;
    }

    std::optional<PersistentKernel> make() {
        for (std::size_t g = 0; g < emission_.groups.size(); ++g) {
            for (const Launch& launch : emission_.groups[g].launches)
                add(launch, g);
        }
        if (out_.bases.size() > kMostBases) return std::nullopt;
        std::size_t stride = 0;
        for (const auto& record : records_)
            stride = std::max(stride, record.size());
        for (auto& record : records_) {
            record.resize(stride, 0);
            out_.steps.insert(out_.steps.end(), record.begin(), record.end());
        }
        out_.step_count = static_cast<std::int32_t>(records_.size());
        out_.sync_count = (2 + 2 * static_cast<std::size_t>(workers_)) * kLine;
        write(stride);
        return std::move(out_);
    }

private:
    int base_number(const Location& at) {
        const auto key = std::make_pair(static_cast<int>(at.kind), at.number);
        const auto [known, fresh] = bases_.try_emplace(key, static_cast<int>(out_.bases.size()));
        if (fresh) out_.bases.push_back({at.kind, at.number, 0, 0});
        return known->second;
    }

    void add(const Launch& launch, std::size_t group) {
        std::vector<std::int32_t> record(kHeader);
        std::string locals, names;
        for (std::size_t n = 0; n < launch.arguments.size(); ++n) {
            const LaunchArgument& argument = launch.arguments[n];
            const std::string at = text("step[", record.size(), ']'), next = text("step[", record.size() + 1, ']');
            names += text(", a", n);
            if (const auto location = residence_.locate(argument, group)) {
                locals += text("__global void* const a", n, " = bases[", at, "] + SHOAL_LONG(", next, ", step[",
                               record.size() + 2, "]); ");
                record.push_back(base_number(*location));
                push_long(record, location->offset);
            } else if (const auto* number = std::get_if<NumberArgument>(&argument)) {
                locals += text("const int a", n, " = ", at, "; ");
                record.push_back(static_cast<std::int32_t>(number->value));
            } else {
                const auto& own = std::get<ScalarArgument>(argument);
                locals += text("const ", type_name(compute_of(own.element), 1), " a", n, " = ",
                               scalar(own, record, at, next), "; ");
            }
        }
        const auto [kind, fresh] =
            kinds_.try_emplace(text(locals, "SHOAL_ITEMS { ", launch.kernel, "(item_0, item_1, item_2", names, "); }"),
                               static_cast<int>(kinds_.size()));
        const std::size_t total = launch.global[0] * launch.global[1] * launch.global[2];
        const std::size_t chunk = std::max<std::size_t>(1, total / (static_cast<std::size_t>(workers_) * 8));
        record[0] = kind->second;
        record[1] = static_cast<std::int32_t>(launch.global[0]);
        record[2] = static_cast<std::int32_t>(launch.global[1]);
        record[3] = static_cast<std::int32_t>(total);
        record[4] = static_cast<std::int32_t>(chunk);
        records_.push_back(std::move(record));
        out_.groups.push_back(group);
    }

    static void push_long(std::vector<std::int32_t>& record, std::uint64_t value) {
        record.push_back(static_cast<std::int32_t>(value & 0xffffffffU));
        record.push_back(static_cast<std::int32_t>(value >> 32));
    }

    std::string scalar(const ScalarArgument& argument, std::vector<std::int32_t>& record, const std::string& at,
                       const std::string& next) {
        const tensor::Tensor value = graph_.constant(argument.value);
        const double real = tensor::element_as_double(value, 0);
        const auto whole = static_cast<std::uint64_t>(tensor::element_as_int(value, 0));
        switch (compute_of(argument.element)) {
            case Compute::f32:
                record.push_back(base::bit_cast<std::int32_t>(static_cast<float>(real)));
                return text("as_float(", at, ")");
            case Compute::f64:
                push_long(record, base::bit_cast<std::uint64_t>(real));
                return text("as_double(SHOAL_LONG(", at, ", ", next, "))");
            case Compute::i64: push_long(record, whole); return text("SHOAL_LONG(", at, ", ", next, ")");
            case Compute::u64: push_long(record, whole); return text("as_ulong(SHOAL_LONG(", at, ", ", next, "))");
            case Compute::u32: record.push_back(static_cast<std::int32_t>(whole)); return text("as_uint(", at, ")");
            default: record.push_back(static_cast<std::int32_t>(whole)); return at;
        }
    }

    void write(std::size_t stride) {
        std::string parameters, list, kinds, cases;
        for (std::size_t n = 0; n < out_.bases.size(); ++n) {
            parameters += text(", __global uchar* base_", n);
            list += text(n != 0 ? ", " : "", "base_", n);
        }
        std::vector<const std::string*> bodies(kinds_.size());
        for (const auto& [body, kind] : kinds_)
            bodies[static_cast<std::size_t>(kind)] = &body;
        for (std::size_t kind = 0; kind < bodies.size(); ++kind) {
            kinds += text("SHOAL_KIND(", kind, ") { ", *bodies[kind], " } ");
            cases += text("case ", kind, ": shoal_kind_", kind, "(step, bases, first, last, size_0, size_1); break; ");
        }
        const std::string functions = as_functions(emission_.text);
        out_.name = "persistent_" + base::Digest::of(functions + kinds + parameters).hex().substr(0, 12);
        out_.text = text(functions, "\n#define KERNEL ", out_.name, out_.timed ? "\n#define TIMES" : "",
                         "\n#define STRIDE ", stride, "\n#define PARAMETERS ", parameters, "\n#define BASES ", list,
                         "\n#define KINDS ", kinds, "\n#define CASES ", cases, "\n", kernel_text("persistent"));
    }

    const Graph& graph_;
    const Emission& emission_;
    const Residence& residence_;
    int workers_;
    PersistentKernel out_;
    std::map<std::pair<int, std::size_t>, int> bases_;
    std::map<std::string, int> kinds_;
    std::vector<std::vector<std::int32_t>> records_;
};

}  // namespace

std::optional<PersistentKernel> make_persistent(const Graph& graph, const Emission& emission,
                                                const Residence& residence, PersistentOptions options) {
    return Maker(graph, emission, residence, options).make();
}

}  // namespace shoal::opencl
