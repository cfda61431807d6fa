#include "session/session.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <mutex>

#include "importer/quantise.hpp"
#include "optimize/optimize.hpp"

namespace shoal::session {

using base::Code;
using base::fail;
using runtime::BufferPtr;

namespace {

// A part of the model that runs without looking at values, compiled, and how to go on from it.
struct Step {
    std::shared_ptr<runtime::Executable> executable;
    std::vector<std::string> inputs, outputs, wanted;
    bool last = false;
    importer::Lowering lowering;  // behind this step, waiting for the wanted values
};

std::vector<std::string> names(const std::vector<graph::Port>& ports) {
    std::vector<std::string> out;
    for (const auto& port : ports)
        out.push_back(port.name);
    return out;
}

// What the first call starts from where it is given nothing.
Tensor zeros_for(const importer::ValueInfo& info) {
    if (!info.element || !info.dims)
        fail(Code::invalid_argument, "state '", info.name, "' is declared as ", to_string(info),
             "; give it a value in the first call");
    std::vector<std::int64_t> extents;
    for (std::size_t k = 0; k < info.dims->size(); ++k) {
        const auto& dim = (*info.dims)[k];
        if (!dim.known() && k > 0)
            fail(Code::invalid_argument, "state '", info.name, "' is declared as ", to_string(info),
                 "; give it a value in the first call");
        extents.push_back(dim.known() ? dim.size : 1);  // an open batch is 1, as everywhere
    }
    return Tensor(tensor::Type{*info.element, tensor::Shape(std::move(extents))});
}

const importer::ValueInfo* find(const std::vector<importer::ValueInfo>& list, const std::string& wanted) {
    for (const auto& info : list) {
        if (info.name == wanted) return &info;
    }
    return nullptr;
}

std::string key_of(const std::map<std::string, tensor::Type>& types) {
    std::string out;
    for (const auto& [name, type] : types)
        out += base::text(name, ' ', type, '\n');
    return out;
}

}  // namespace

struct Session::State {
    State(importer::Model own_model, std::shared_ptr<runtime::Backend> own_backend, SessionOptions own_options)
        : model(std::move(own_model)), backend(std::move(own_backend)), options(std::move(own_options)) {}

    importer::Model model;
    std::shared_ptr<runtime::Backend> backend;
    SessionOptions options;

    mutable std::mutex mutex;
    std::list<std::pair<std::string, std::shared_ptr<Step>>> steps;  // most recently used first
    std::vector<std::shared_ptr<runtime::Executable>> last;

    mutable std::mutex state_mutex;            // held for a whole call, where there is state; never inside of `mutex`
    std::map<std::string, BufferPtr> carried;  // by input

    // Adds what earlier calls left to `values`, or what there is to start from.
    void take_state(std::map<std::string, tensor::Type>& types, std::map<std::string, BufferPtr>& values) const {
        for (const auto& link : options.state) {
            if (values.count(link.input) != 0) continue;
            const auto at = carried.find(link.input);
            const auto* info = session::find(model.inputs(), link.input);
            if (at == carried.end() && info->has_default) continue;
            const BufferPtr buffer = at != carried.end() ? at->second : backend->upload(zeros_for(*info));
            types.emplace(link.input, buffer->type());
            values.emplace(link.input, buffer);
        }
    }
    [[nodiscard]] bool is_state(const std::string& output) const {
        return std::any_of(options.state.begin(), options.state.end(),
                           [&](const auto& link) { return link.output == output; });
    }
    void keep_state(const std::vector<std::string>& outputs, const std::vector<BufferPtr>& results) {
        for (const auto& link : options.state) {
            const auto at = std::find(outputs.begin(), outputs.end(), link.output);
            carried[link.input] = results[static_cast<std::size_t>(at - outputs.begin())];
        }
    }

    void check_options() const {
        if (options.precision == Precision::fp16 && !backend->device().fp16) {
            fail(Code::unsupported, "device '", backend->device().name,
                 "' does not compute in fp16 (it lacks cl_khr_fp16); int8w makes weights smaller on any device");
        }
        for (const auto& link : options.state) {
            if (session::find(model.outputs(), link.output) == nullptr)
                fail(Code::invalid_argument, "state: the model has no output '", link.output, "'");
            if (session::find(model.inputs(), link.input) == nullptr)
                fail(Code::invalid_argument, "state: the model has no input '", link.input, "'");
        }
    }

    std::shared_ptr<Step> find(const std::string& key) {
        const std::lock_guard lock(mutex);
        for (auto at = steps.begin(); at != steps.end(); ++at) {
            if (at->first != key) continue;
            steps.splice(steps.begin(), steps, at);
            return steps.front().second;
        }
        return nullptr;
    }

    void keep(const std::string& key, std::shared_ptr<Step> step) {
        const std::lock_guard lock(mutex);
        steps.emplace_front(key, std::move(step));
        while (steps.size() > options.kept_graphs)
            steps.pop_back();
    }

    std::shared_ptr<Step> make(importer::Lowering lowering) const {
        importer::Segment segment = lowering.advance();
        auto graph = optimize::optimize(options.precision == Precision::fp16 ? optimize::half_precision(segment.graph)
                                                                             : segment.graph);
        auto inputs = names(graph.inputs), outputs = names(graph.outputs);
        return std::make_shared<Step>(Step{backend->compile(std::move(graph)), std::move(inputs), std::move(outputs),
                                           std::move(segment.wanted), segment.last, std::move(lowering)});
    }

    // The step for these input types, or the one behind `previous` with its wanted values given.
    template <class MakeLowering>
    std::shared_ptr<Step> step(const std::string& key, MakeLowering&& lowering) {
        if (auto known = find(key)) return known;
        auto made = make(lowering());
        keep(key, made);
        return made;
    }

    std::shared_ptr<Step> first_step(const std::map<std::string, tensor::Type>& types, std::string& key) {
        key = key_of(types);
        return step(key, [&] {
            importer::Bindings bindings;
            for (const auto& [name, type] : types)
                bindings.inputs.emplace(name, type);
            return importer::Lowering(model, std::move(bindings));
        });
    }
};

Session::Session(importer::Model model, std::shared_ptr<runtime::Backend> backend, SessionOptions options)
    : state_(std::make_unique<State>(with_precision(model, options.precision), std::move(backend), options)) {
    state_->check_options();
    state_->model.check_supported();
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const importer::Model& Session::model() const noexcept {
    return state_->model;
}

runtime::Backend& Session::backend() const noexcept {
    return *state_->backend;
}

namespace {

// The buffers that a step asks for, taken from those that there are by name.
std::vector<BufferPtr> collect(const std::vector<std::string>& wanted, const std::map<std::string, BufferPtr>& values) {
    std::vector<BufferPtr> out;
    for (const auto& name : wanted) {
        const auto at = values.find(name);
        if (at == values.end()) fail(Code::invalid_argument, "input '", name, "' is missing");
        out.push_back(at->second);
    }
    return out;
}

}  // namespace

Outputs Session::run(const Inputs& inputs, const runtime::RunOptions& options) {
    std::map<std::string, tensor::Type> types;
    std::map<std::string, BufferPtr> values;
    for (const auto& [name, tensor] : inputs) {
        types.emplace(name, tensor.type());
        values.emplace(name, state_->backend->upload(tensor));
    }
    std::unique_lock<std::mutex> whole_call;
    if (!state_->options.state.empty()) {
        whole_call = std::unique_lock(state_->state_mutex);
        state_->take_state(types, values);
    }
    std::string key;
    auto step = state_->first_step(types, key);
    std::vector<std::shared_ptr<runtime::Executable>> used;
    for (;;) {
        const auto results = step->executable->run(collect(step->inputs, values), options);
        used.push_back(step->executable);
        if (step->last) {
            state_->keep_state(step->outputs, results);
            Outputs out;
            for (std::size_t i = 0; i < results.size(); ++i) {
                if (!state_->is_state(step->outputs[i])) out.emplace_back(step->outputs[i], results[i]->read());
            }
            const std::lock_guard lock(state_->mutex);
            state_->last = std::move(used);
            return out;
        }
        for (std::size_t i = 0; i < results.size(); ++i)
            values[step->outputs[i]] = results[i];
        std::vector<Tensor> decided;
        for (const auto& buffer : collect(step->wanted, values))
            decided.push_back(buffer->read());
        importer::Lowering lowering = step->lowering;
        for (auto& [name, tensor] : lowering.resolve(std::move(decided)))
            values[name] = state_->backend->upload(std::move(tensor));
        key = key_of(types) + lowering.key();
        step = state_->step(key, [&] { return std::move(lowering); });
    }
}

void Session::reset_state() {
    const std::lock_guard lock(state_->state_mutex);
    state_->carried.clear();
}

std::optional<Tensor> Session::state(std::string_view input) const {
    const auto& links = state_->options.state;
    if (std::none_of(links.begin(), links.end(), [&](const auto& link) { return link.input == input; }))
        fail(Code::invalid_argument, "input '", input, "' is no state of this session");
    const std::lock_guard lock(state_->state_mutex);
    const auto at = state_->carried.find(std::string(input));
    return at == state_->carried.end() ? std::nullopt : std::optional(at->second->read());
}

void Session::prepare(const std::map<std::string, tensor::Type>& inputs) {
    auto types = inputs;
    for (const auto& link : state_->options.state) {
        const auto* info = find(state_->model.inputs(), link.input);
        if (types.count(link.input) == 0 && !info->has_default) types.emplace(link.input, zeros_for(*info).type());
    }
    std::string key;
    const auto step = state_->first_step(types, key);
    const std::lock_guard lock(state_->mutex);
    state_->last = {step->executable};
}

std::vector<std::shared_ptr<runtime::Executable>> Session::last_run() const {
    const std::lock_guard lock(state_->mutex);
    return state_->last;
}

runtime::MemoryUse Session::memory() const {
    runtime::MemoryUse out;
    for (const auto& executable : last_run()) {
        const auto own = executable->memory();
        out.weights += own.weights;
        out.activations += own.activations;
        out.results = std::max(out.results, own.results);
    }
    return out;
}

namespace {

constexpr std::array<std::string_view, 4> kPrecisions{"fp32", "fp16", "int8w", "int4w"};

}  // namespace

std::string_view name(Precision precision) noexcept {
    return kPrecisions[static_cast<std::size_t>(precision)];
}

std::optional<Precision> find_precision(std::string_view name) noexcept {
    const auto at = std::find(kPrecisions.begin(), kPrecisions.end(), name);
    if (at == kPrecisions.end()) return std::nullopt;
    return static_cast<Precision>(at - kPrecisions.begin());
}

importer::Model with_precision(const importer::Model& model, Precision precision) {
    if (precision != Precision::int8w && precision != Precision::int4w) return model;
    importer::WeightQuantisation how;
    how.bits = precision == Precision::int8w ? 8 : 4;
    how.portable = false;
    return importer::quantise_weights(model, how).model;
}

graph::Graph optimised_graph(const importer::Model& model, const importer::Bindings& bindings) {
    return optimize::optimize(importer::lower(model, bindings));
}

}  // namespace shoal::session
