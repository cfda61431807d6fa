#include "importer/wire_walk.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>
#include <optional>

#include "base/error.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using Wire = google::protobuf::internal::WireFormatLite;

enum class Kind { model, graph, function, op, attribute, sparse, tensor };

// The fields in which a tensor can lie; everything else is copied without a look inside.
struct Step {
    Kind from;
    int field;
    Kind to;
};
constexpr Step kSteps[] = {
    {Kind::model, 7, Kind::graph},         {Kind::model, 25, Kind::function},   {Kind::graph, 1, Kind::op},
    {Kind::graph, 5, Kind::tensor},        {Kind::graph, 15, Kind::sparse},     {Kind::function, 7, Kind::op},
    {Kind::function, 11, Kind::attribute}, {Kind::op, 5, Kind::attribute},      {Kind::attribute, 5, Kind::tensor},
    {Kind::attribute, 6, Kind::graph},     {Kind::attribute, 10, Kind::tensor}, {Kind::attribute, 11, Kind::graph},
    {Kind::attribute, 22, Kind::sparse},   {Kind::attribute, 23, Kind::sparse}, {Kind::sparse, 1, Kind::tensor},
    {Kind::sparse, 2, Kind::tensor},
};

constexpr int kRawData = 9, kBlob = 16001;
constexpr int kSmall = 64;           // bytes; shorter data is copied along
constexpr int kDeepestNesting = 90;  // protobuf itself gives up at 100

std::optional<Kind> child(Kind from, int field) {
    for (const Step& step : kSteps) {
        if (step.from == from && step.field == field) return step.to;
    }
    return std::nullopt;
}

class Walker {
public:
    Walker(const base::SharedBytes& file, Walked& out)
        : file_(file),
          stream_(reinterpret_cast<const std::uint8_t*>(file.data()), static_cast<int>(file.size())),
          out_(out) {
        stream_.SetTotalBytesLimit(std::numeric_limits<int>::max());
    }

    // Walks the message that ends at position `end` and returns it without its weights.
    std::string message(Kind kind, int end, int depth) {
        if (depth > kDeepestNesting) fail(Code::invalid_model, "nested more than ", kDeepestNesting, " messages deep");
        std::string out;
        while (stream_.CurrentPosition() < end) {
            const int start = stream_.CurrentPosition();
            const std::uint32_t tag = stream_.ReadTag();
            const int field = Wire::GetTagFieldNumber(tag);
            if (tag == 0 || field == 0) broken(start);
            const auto inner = child(kind, field);
            if (Wire::GetTagWireType(tag) != Wire::WIRETYPE_LENGTH_DELIMITED) {
                skip_plain(tag, end, start);
                if (kind != Kind::tensor || field != kBlob) copy(out, start);
                continue;
            }
            const int length = read_length(end, start);
            if (inner) {
                const std::string body = message(*inner, stream_.CurrentPosition() + length, depth + 1);
                append_varint(out, tag);
                append_varint(out, static_cast<std::uint32_t>(body.size()));
                out += body;
            } else if (kind == Kind::tensor && field == kRawData && length >= kSmall) {
                leave_in_place(out, length);
            } else {
                stream_.Skip(length);
                if (kind != Kind::tensor || field != kBlob) copy(out, start);
            }
        }
        if (stream_.CurrentPosition() != end) broken(end);
        return out;
    }

private:
    [[noreturn]] static void broken(int at) {
        fail(Code::invalid_model, "byte ", at,
             " does not start a field of a model; is the file cut off or no ONNX file?");
    }

    int read_length(int end, int start) {
        std::uint32_t length = 0;
        if (!stream_.ReadVarint32(&length)) broken(start);
        const int left = end - stream_.CurrentPosition();
        if (left < 0 || length > static_cast<std::uint32_t>(left)) {
            fail(Code::invalid_model, "byte ", start, " announces ", length, " bytes where ", left,
                 " are left; is the file cut off?");
        }
        return static_cast<int>(length);
    }

    void skip_plain(std::uint32_t tag, int end, int start) {
        std::uint64_t ignored = 0;
        bool read = false;
        switch (Wire::GetTagWireType(tag)) {
            case Wire::WIRETYPE_VARINT: read = stream_.ReadVarint64(&ignored); break;
            case Wire::WIRETYPE_FIXED32: read = stream_.Skip(4); break;
            case Wire::WIRETYPE_FIXED64: read = stream_.Skip(8); break;
            default: break;  // groups: no version of ONNX has any
        }
        if (!read || stream_.CurrentPosition() > end) broken(start);
    }

    void leave_in_place(std::string& out, int length) {
        append_varint(out, Wire::MakeTag(kBlob, Wire::WIRETYPE_VARINT));
        append_varint(out, static_cast<std::uint32_t>(out_.blobs.size()));
        out_.blobs.push_back(
            file_.slice(static_cast<std::size_t>(stream_.CurrentPosition()), static_cast<std::size_t>(length)));
        stream_.Skip(length);
    }

    void copy(std::string& out, int start) {
        out.append(reinterpret_cast<const char*>(file_.data()) + start,
                   static_cast<std::size_t>(stream_.CurrentPosition() - start));
    }

    static void append_varint(std::string& out, std::uint32_t value) {
        std::uint8_t bytes[5];
        const auto* last = CodedOutputStream::WriteVarint32ToArray(value, bytes);
        out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(last - bytes));
    }

    const base::SharedBytes& file_;
    CodedInputStream stream_;
    Walked& out_;
};

}  // namespace

Walked walk_wire(const base::SharedBytes& file, WireRoot root) {
    if (file.size() >= static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        fail(Code::unsupported, "a model file of ", file.size(),
             " bytes: 2 GiB and more cannot be read; export it with external weights");
    }
    Walked out;
    const auto kind = root == WireRoot::model ? Kind::model : Kind::tensor;
    out.message = Walker(file, out).message(kind, static_cast<int>(file.size()), 0);
    return out;
}

}  // namespace shoal::importer
