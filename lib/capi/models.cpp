// The C interface's models, runs and results.
#include <algorithm>

#include "capi/support.hpp"
#include "session/session.hpp"

using namespace shoal;
using base::Code;
using base::fail;

namespace {

// An input or output as shoal_value shows it.
struct Declared {
    explicit Declared(const importer::ValueInfo& info) : name(info.name), optional(info.has_default) {
        if (info.element && info.kind == "tensor") element = static_cast<shoal_element>(*info.element);
        if (info.dims) {
            rank = static_cast<std::int32_t>(info.dims->size());
            for (const auto& dim : *info.dims)
                shape.push_back(dim.known() ? dim.size : -1);
        }
    }

    std::string name;
    shoal_element element = SHOAL_UNKNOWN;
    std::int32_t rank = -1;
    std::vector<std::int64_t> shape{};
    bool optional = false;
};

session::SessionOptions session_options(const shoal_model_options* options) {
    const auto given = capi::read_options(options);
    session::SessionOptions out;
    if (given.in_flight > 0) out.in_flight = given.in_flight;
    if (given.queued > 0) out.queued = given.queued;
    return out;
}

session::Inputs inputs_of(const shoal_input* inputs, std::size_t count) {
    if (count > 0) capi::expect(inputs, "the inputs");
    session::Inputs out;
    for (const auto& input : std::span(inputs, count)) {
        capi::expect(input.name, "an input's name");
        try {
            if (!out.emplace(input.name, capi::copy_of(input.tensor)).second)
                fail(Code::invalid_argument, "it is given twice");
        } catch (const base::Error& error) {
            fail(error.code(), "input '", input.name, "': ", error.what());
        }
    }
    return out;
}

}  // namespace

struct shoal_model : capi::Handle<0x5ea10004> {
    shoal_model(importer::Model model, std::shared_ptr<runtime::Backend> backend, session::SessionOptions options)
        : session(std::move(model), std::move(backend), options) {
        for (const auto& info : session.model().inputs())
            inputs.emplace_back(info);
        for (const auto& info : session.model().outputs())
            outputs.emplace_back(info);
    }

    std::vector<Declared> inputs, outputs;
    session::Session session;
};

struct shoal_results : capi::Handle<0x5ea10005> {
    session::Outputs outputs;
};

namespace {

runtime::RunOptions run_options(const shoal_run_options* options) {
    const auto given = capi::read_options(options);
    runtime::RunOptions out;
    if (given.timeout_ms != 0) out.deadline = base::deadline_in(capi::wait_of(given.timeout_ms, {}, "timeout_ms"));
    if (given.cancellation != nullptr) {
        capi::expect(given.cancellation, "the cancellation");
        out.cancellation = given.cancellation->flag;
    }
    out.tell_busy = given.tell_busy != 0;
    return out;
}

shoal_status get_value(const shoal_model* model, std::vector<Declared> shoal_model::*list, size_t index,
                       shoal_value* value) {
    return capi::guarded([&] {
        capi::expect(model, "the model");
        capi::expect(value, "where the value goes");
        const auto& values = model->*list;
        if (index >= values.size()) fail(Code::invalid_argument, "value ", index, " of ", values.size());
        const Declared& own = values[index];
        capi::fill(value, {0, own.name.c_str(), own.element, own.rank, own.shape.data(), own.optional ? 1 : 0});
    });
}

}  // namespace

shoal_status shoal_load_model(const char* path, shoal_place* place, const shoal_model_options* options,
                              shoal_model** model) {
    return capi::guarded([&] {
        capi::expect(path, "the model's path");
        capi::expect(place, "the place");
        capi::expect(model, "where the model goes");
        *model = new shoal_model(importer::Model::load(path), place->backend, session_options(options));
    });
}

shoal_status shoal_load_model_bytes(const void* data, size_t bytes, shoal_place* place,
                                    const shoal_model_options* options, shoal_model** model) {
    return capi::guarded([&] {
        capi::expect(data, "the model's bytes");
        capi::expect(place, "the place");
        capi::expect(model, "where the model goes");
        auto copy = base::SharedBytes::copy_of({static_cast<const std::byte*>(data), bytes});
        *model = new shoal_model(importer::Model::parse(std::move(copy)), place->backend, session_options(options));
    });
}

size_t shoal_model_input_count(const shoal_model* model) {
    return capi::is_valid(model) ? model->inputs.size() : 0;
}

size_t shoal_model_output_count(const shoal_model* model) {
    return capi::is_valid(model) ? model->outputs.size() : 0;
}

shoal_status shoal_model_input(const shoal_model* model, size_t index, shoal_value* value) {
    return get_value(model, &shoal_model::inputs, index, value);
}

shoal_status shoal_model_output(const shoal_model* model, size_t index, shoal_value* value) {
    return get_value(model, &shoal_model::outputs, index, value);
}

void shoal_model_release(shoal_model* model) {
    capi::release(model);
}

size_t shoal_results_count(const shoal_results* results) {
    return capi::is_valid(results) ? results->outputs.size() : 0;
}

shoal_status shoal_results_get(const shoal_results* results, size_t index, const char** name, shoal_tensor* tensor) {
    return capi::guarded([&] {
        capi::expect(results, "the results");
        capi::expect(tensor, "where the tensor goes");
        if (index >= results->outputs.size())
            fail(Code::invalid_argument, "output ", index, " of ", results->outputs.size());
        const auto& [own_name, own] = results->outputs[index];
        *tensor = capi::view_of(own);
        if (name != nullptr) *name = own_name.c_str();
    });
}

shoal_status shoal_results_find(const shoal_results* results, const char* name, shoal_tensor* tensor) {
    return capi::guarded([&] {
        capi::expect(results, "the results");
        capi::expect(name, "the output's name");
        capi::expect(tensor, "where the tensor goes");
        const auto at = std::find_if(results->outputs.begin(), results->outputs.end(),
                                     [&](const auto& output) { return output.first == name; });
        if (at == results->outputs.end()) fail(Code::not_found, "the model has no output '", name, "'");
        *tensor = capi::view_of(at->second);
    });
}

void shoal_results_release(shoal_results* results) {
    capi::release(results);
}

shoal_status shoal_prepare(shoal_model* model, const shoal_input* inputs, size_t count,
                           const shoal_run_options* options) {
    return capi::guarded([&] {
        capi::expect(model, "the model");
        if (count > 0) capi::expect(inputs, "the inputs");
        std::map<std::string, tensor::Type> types;
        for (const auto& input : std::span(inputs, count)) {
            capi::expect(input.name, "an input's name");
            types[input.name] = capi::type_of(input.tensor);
        }
        model->session.prepare(types, run_options(options));
    });
}

shoal_status shoal_run(shoal_model* model, const shoal_input* inputs, size_t count, const shoal_run_options* options,
                       shoal_results** results) {
    return capi::guarded([&] {
        capi::expect(model, "the model");
        capi::expect(results, "where the results go");
        auto out = std::make_unique<shoal_results>();
        out->outputs = model->session.run(inputs_of(inputs, count), run_options(options));
        *results = out.release();
    });
}

shoal_status shoal_submit(shoal_model* model, const shoal_input* inputs, size_t count, const shoal_run_options* options,
                          shoal_done_function done, void* user) {
    return capi::guarded([&] {
        capi::expect(model, "the model");
        if (done == nullptr) fail(Code::invalid_argument, "the function to call is NULL");
        model->session.submit(inputs_of(inputs, count), run_options(options), [done, user](session::Finished run) {
            if (run.error) return done(user, static_cast<shoal_status>(run.error->code()), run.error->what(), nullptr);
            std::unique_ptr<shoal_results> results(new (std::nothrow) shoal_results);
            if (!results) return done(user, SHOAL_OUT_OF_MEMORY, "no memory is left for the results", nullptr);
            results->outputs = std::move(run.outputs);
            done(user, SHOAL_OK, "", results.release());
        });
    });
}
