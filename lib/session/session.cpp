#include "session/session.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <list>
#include <mutex>
#include <set>

#include "optimize/optimize.hpp"
#include "session/carried_state.hpp"
#include "session/run_queue.hpp"

namespace shoal::session {

using base::Code;
using base::fail;
using runtime::BufferPtr;

namespace {

constexpr std::chrono::milliseconds kLookForCancel{5};
constexpr auto kReady = std::future_status::ready;
constexpr std::size_t kStepsOfAGraph = 64;  // kept on average, where values decide how a model goes on

// A part of the model that runs without looking at values, compiled, and how to go on from it.
struct Step {
    std::shared_ptr<runtime::Executable> executable;
    std::vector<std::string> inputs, outputs, wanted;
    bool last = false;
    std::optional<importer::Lowering>
        lowering;  // behind this step, waiting for the wanted values; none behind the last
};

std::vector<std::string> names(const std::vector<graph::Port>& ports) {
    std::vector<std::string> out;
    for (const auto& port : ports)
        out.push_back(port.name);
    return out;
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
        : model(std::move(own_model)),
          backend(std::move(own_backend)),
          options(own_options),
          carried(model, own_options.state),
          queue(own_options.in_flight, own_options.queued) {}
    ~State() { closing.cancel(); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    importer::Model model;
    std::shared_ptr<runtime::Backend> backend;
    SessionOptions options;
    CarriedState carried;

    using StepFuture = std::shared_future<std::shared_ptr<Step>>;
    using StepPromise = std::shared_ptr<std::promise<std::shared_ptr<Step>>>;
    struct KeptStep {
        std::string key;
        StepFuture step;
        std::uint64_t run;  // the last that went through it
    };
    mutable std::mutex mutex;
    std::list<KeptStep> steps;  // most recently used first, so those of one run stand together
    std::atomic<std::uint64_t> runs{0};
    std::vector<std::shared_ptr<runtime::Executable>> last;

    std::shared_ptr<Step> make(std::optional<importer::Lowering> lowering, const runtime::RunOptions& wanted) const {
        importer::Segment segment = lowering->advance([&] { runtime::check_still_wanted(wanted); });
        if (segment.last) lowering.reset();  // with the constants that it made
        if (options.precision == Precision::fp16) segment.graph = optimize::half_precision(segment.graph);
        auto graph = optimize::optimize(std::move(segment.graph));
        auto inputs = names(graph.inputs), outputs = names(graph.outputs);
        return std::make_shared<Step>(Step{backend->compile(std::move(graph), wanted), std::move(inputs),
                                           std::move(outputs), std::move(segment.wanted), segment.last,
                                           std::move(lowering)});
    }

    // The step of that key; when it is new, the promise to make it. `run` tells this run from others.
    StepFuture find_step(const std::string& key, std::uint64_t run, StepPromise& to_make) {
        const std::lock_guard lock(mutex);
        const auto at = std::find_if(steps.begin(), steps.end(), [&](const auto& own) { return own.key == key; });
        if (at != steps.end()) {
            steps.splice(steps.begin(), steps, at);
            at->run = run;
        } else {
            to_make = std::make_shared<StepPromise::element_type>();
            steps.push_front({key, to_make->get_future().share(), run});
            forget_steps(run);
        }
        return steps.front().step;
    }

    // What is kept counts by runs that went different ways, not by steps: the next run of a loop walks through all of
    // its iterations again. Steps of this run stay however many they are; it holds them anyway (see `last`).
    void forget_steps(std::uint64_t run) {
        std::set<std::uint64_t> ways;
        for (const auto& step : steps)
            ways.insert(step.run);
        const std::size_t kept = std::max<std::size_t>(options.kept_graphs, 1);
        while (steps.back().run != run && (ways.size() > kept || steps.size() > kept * kStepsOfAGraph)) {
            const std::uint64_t oldest = steps.back().run;
            steps.pop_back();
            if (std::none_of(steps.begin(), steps.end(), [&](const auto& step) { return step.run == oldest; }))
                ways.erase(oldest);
        }
    }

    // To be called where an exception is at hand; the next that asks for the step tries again.
    void fail_step(const std::string& key, const StepPromise& promise) {
        {
            const std::lock_guard lock(mutex);
            steps.remove_if([&](const auto& own) { return own.key == key; });
        }
        promise->set_exception(std::current_exception());
    }

    // Makes a step on a thread of its own, which goes on when the run that asked for it gives up: the next run needs
    // the step too, and might give up as soon.
    void begin_step(const std::string& key, importer::Lowering lowering, const StepPromise& promise) {
        const std::lock_guard lock(mutex);
        std::erase_if(making, [](const auto& one) { return one.wait_for(std::chrono::seconds(0)) == kReady; });
        making.push_back(std::async(std::launch::async, [this, key, lowering = std::move(lowering), promise]() mutable {
            try {
                promise->set_value(make(std::move(lowering), {.cancellation = closing}));
            } catch (...) {
                fail_step(key, promise);
            }
        }));
    }

    // The step for these input types, or the one behind `previous` with its wanted values given. Whoever asks first has
    // it made; all wait for that as long as they are wanted.
    template <class MakeLowering>
    std::shared_ptr<Step> step(const std::string& key, std::uint64_t run, const runtime::RunOptions& wanted,
                               MakeLowering&& lowering) {
        StepPromise to_make;
        const StepFuture future = find_step(key, run, to_make);
        if (to_make) {
            try {
                begin_step(key, lowering(), to_make);
            } catch (...) {
                fail_step(key, to_make);
            }
        }
        while (future.wait_for(kLookForCancel) != kReady)
            runtime::check_still_wanted(wanted);
        return future.get();
    }

    std::shared_ptr<Step> first_step(const std::map<std::string, tensor::Type>& types, std::uint64_t run,
                                     const runtime::RunOptions& wanted, std::string& key) {
        key = key_of(types);
        return step(key, run, wanted, [&] {
            importer::Bindings bindings;
            for (const auto& [name, type] : types)
                bindings.inputs.emplace(name, type);
            return importer::Lowering(model, std::move(bindings));
        });
    }

    Outputs run(const Inputs& inputs, const runtime::RunOptions& run_options);

    runtime::Cancellation closing;
    std::vector<std::future<void>> making;  // waits for them when it goes
    RunQueue queue;                         // last: it ends before what its runs use
};

Session::Session(importer::Model model, std::shared_ptr<runtime::Backend> backend, SessionOptions options)
    : state_(std::make_unique<State>(with_precision(model, options.precision), std::move(backend), options)) {
    if (options.precision == Precision::fp16 && !state_->backend->device().fp16) {
        fail(Code::unsupported, "device '", state_->backend->device().name,
             "' does not compute in fp16 (it lacks cl_khr_fp16); int8w makes weights smaller on any device");
    }
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
    return state_->run(inputs, options);
}

namespace {

base::Error out_of_memory() {
    return {Code::out_of_memory, "no memory is left for a run"};
}

// What is being handled, as an error to hand on; `no_memory`, made before, where even that takes memory that is not
// there.
base::Error current_error(const base::Error& no_memory) noexcept {
    try {
        throw;
    } catch (const base::Error& error) {
        return error;
    } catch (const std::bad_alloc&) {
        return no_memory;
    } catch (const std::exception& error) {
        try {
            return {Code::internal, error.what()};
        } catch (...) {
            return no_memory;
        }
    } catch (...) {
        return no_memory;
    }
}

}  // namespace

void Session::submit(Inputs inputs, runtime::RunOptions options, std::function<void(Finished)> done) {
    State& state = *state_;
    if (!state.carried.empty())
        fail(Code::invalid_argument, "a session that keeps state runs in order: call run(), not submit()");
    // Ending the session takes back its own runs, not others that share the caller's cancellation.
    options.cancellation = options.cancellation.child();
    state.queue.add(
        [&state, inputs = std::move(inputs), options, done, no_memory = out_of_memory()](bool wanted) {
            Finished out;
            try {
                if (!wanted) fail(Code::cancelled, "the session ended");
                runtime::check_still_wanted(options);
                out.outputs = state.run(inputs, options);
            } catch (...) {
                out.error = current_error(no_memory);
            }
            done(std::move(out));
        },
        options);
}

std::future<Outputs> Session::start(Inputs inputs, runtime::RunOptions options) {
    const auto promise = std::make_shared<std::promise<Outputs>>();
    submit(std::move(inputs), std::move(options), [promise](Finished run) {
        if (run.error)
            promise->set_exception(std::make_exception_ptr(*run.error));
        else
            promise->set_value(std::move(run.outputs));
    });
    return promise->get_future();
}

Outputs Session::State::run(const Inputs& inputs, const runtime::RunOptions& run_options) {
    std::map<std::string, tensor::Type> types;
    std::map<std::string, BufferPtr> values;
    for (const auto& [name, tensor] : inputs) {
        types.emplace(name, tensor.type());
        values.emplace(name, backend->upload(tensor, run_options));
    }
    std::unique_lock<std::mutex> whole_run;
    if (!carried.empty()) {
        whole_run = std::unique_lock(carried.mutex());
        carried.add_types(types);
        carried.add_values(types, values, *backend, run_options);
    }
    std::string key;
    const std::uint64_t this_run = ++runs;
    auto current = first_step(types, this_run, run_options, key);
    std::vector<std::shared_ptr<runtime::Executable>> used;
    for (;;) {
        const auto results = current->executable->run(collect(current->inputs, values), run_options);
        used.push_back(current->executable);
        if (current->last) {
            Outputs out;
            for (std::size_t i = 0; i < results.size(); ++i) {
                if (!carried.is_output(current->outputs[i]))
                    out.emplace_back(current->outputs[i], results[i]->read(run_options));
            }
            carried.keep(current->outputs, results);  // last: a run that fails leaves the state as it was
            const std::lock_guard lock(mutex);
            last = std::move(used);
            return out;
        }
        for (std::size_t i = 0; i < results.size(); ++i)
            values[current->outputs[i]] = results[i];
        std::vector<Tensor> decided;
        for (const auto& buffer : collect(current->wanted, values))
            decided.push_back(buffer->read(run_options));
        importer::Lowering lowering = current->lowering.value();
        for (auto& [name, tensor] : lowering.resolve(std::move(decided)))
            values[name] = backend->upload(std::move(tensor), run_options);
        std::erase_if(values,
                      [needed = lowering.needed()](const auto& entry) { return needed.count(entry.first) == 0; });
        key = key_of(types) + lowering.key();
        current = step(key, this_run, run_options, [&] { return std::move(lowering); });
    }
}

void Session::reset_state() {
    const std::lock_guard lock(state_->carried.mutex());
    state_->carried.reset();
}

std::optional<Tensor> Session::state(std::string_view input) const {
    if (!state_->carried.is_input(input))
        fail(Code::invalid_argument, "input '", input, "' is no state of this session");
    const std::lock_guard lock(state_->carried.mutex());
    const auto buffer = state_->carried.find(input);
    return buffer ? std::optional(buffer->read()) : std::nullopt;
}

void Session::prepare(const std::map<std::string, tensor::Type>& inputs, const runtime::RunOptions& options) {
    auto types = inputs;
    if (!state_->carried.empty()) {
        const std::lock_guard lock(state_->carried.mutex());
        state_->carried.add_types(types);
    }
    std::string key;
    const auto step = state_->first_step(types, ++state_->runs, options, key);
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

std::optional<graph::Graph> whole_graph(const importer::Model& model, const importer::Bindings& bindings) {
    auto segment = importer::Lowering(model, bindings).advance();
    if (!segment.last) return std::nullopt;
    return optimize::optimize(std::move(segment.graph));
}

graph::Graph optimised_graph(const importer::Model& model, const importer::Bindings& bindings) {
    return optimize::optimize(importer::lower(model, bindings));
}

}  // namespace shoal::session
