// Which kind each message is, and how it is read out of its envelope: read() is overloaded for every message and
// implemented beside its encode(). decode.cpp joins them by direction. Internal to the wire.
#pragma once

#include "wire/decode.hpp"
#include "wire/envelope.hpp"

namespace shoal::wire {

template <Kind kValue>
struct KindIs {
    static constexpr Kind kKind = kValue;
};

template <class Message>
struct KindOf;
template <>
struct KindOf<Refused> : KindIs<Kind::refused> {};
template <>
struct KindOf<Goodbye> : KindIs<Kind::goodbye> {};
template <>
struct KindOf<Activation> : KindIs<Kind::activation> {};
template <>
struct KindOf<Result> : KindIs<Kind::result> {};
template <>
struct KindOf<Credit> : KindIs<Kind::credit> {};
template <>
struct KindOf<Cancel> : KindIs<Kind::cancel> {};
template <>
struct KindOf<StageError> : KindIs<Kind::stage_error> {};
template <>
struct KindOf<Probe> : KindIs<Kind::probe> {};
template <>
struct KindOf<ProbeEcho> : KindIs<Kind::probe_echo> {};
template <>
struct KindOf<BlobRequest> : KindIs<Kind::blob_request> {};
template <>
struct KindOf<Blob> : KindIs<Kind::blob> {};
template <>
struct KindOf<BlobMissing> : KindIs<Kind::blob_missing> {};
template <>
struct KindOf<Register> : KindIs<Kind::board_register> {};
template <>
struct KindOf<Welcome> : KindIs<Kind::welcome> {};
template <>
struct KindOf<Heartbeat> : KindIs<Kind::heartbeat> {};
template <>
struct KindOf<HeartbeatEcho> : KindIs<Kind::heartbeat_echo> {};
template <>
struct KindOf<Peers> : KindIs<Kind::peers> {};
template <>
struct KindOf<PeerHello> : KindIs<Kind::peer_hello> {};
template <>
struct KindOf<MeasureKernels> : KindIs<Kind::measure_kernels> {};
template <>
struct KindOf<KernelCosts> : KindIs<Kind::kernel_costs> {};
template <>
struct KindOf<MeasureLink> : KindIs<Kind::measure_link> {};
template <>
struct KindOf<LinkMeasured> : KindIs<Kind::link_measured> {};
template <>
struct KindOf<TaskFailed> : KindIs<Kind::task_failed> {};
template <>
struct KindOf<Deploy> : KindIs<Kind::deploy> {};
template <>
struct KindOf<DeployProgress> : KindIs<Kind::deploy_progress> {};
template <>
struct KindOf<Ready> : KindIs<Kind::ready> {};
template <>
struct KindOf<DeployFailed> : KindIs<Kind::deploy_failed> {};
template <>
struct KindOf<Undeploy> : KindIs<Kind::undeploy> {};
template <>
struct KindOf<ClientHello> : KindIs<Kind::client_hello> {};
template <>
struct KindOf<OpenModel> : KindIs<Kind::open_model> {};
template <>
struct KindOf<OpenProgress> : KindIs<Kind::open_progress> {};
template <>
struct KindOf<Planned> : KindIs<Kind::planned> {};
template <>
struct KindOf<Opened> : KindIs<Kind::opened> {};
template <>
struct KindOf<Replanned> : KindIs<Kind::replanned> {};
template <>
struct KindOf<ModelFailed> : KindIs<Kind::model_failed> {};
template <>
struct KindOf<CloseModel> : KindIs<Kind::close_model> {};
template <>
struct KindOf<Submit> : KindIs<Kind::submit> {};
template <>
struct KindOf<Answer> : KindIs<Kind::answer> {};
template <>
struct KindOf<RequestFailed> : KindIs<Kind::request_failed> {};
template <>
struct KindOf<CancelRequest> : KindIs<Kind::cancel_request> {};
template <>
struct KindOf<StatusRequest> : KindIs<Kind::status_request> {};
template <>
struct KindOf<Status> : KindIs<Kind::status> {};

// Throw network when the envelope does not hold such a message.
void read(const Envelope& envelope, Refused& out);
void read(const Envelope& envelope, Goodbye& out);
void read(const Envelope& envelope, Activation& out);
void read(const Envelope& envelope, Result& out);
void read(const Envelope& envelope, Credit& out);
void read(const Envelope& envelope, Cancel& out);
void read(const Envelope& envelope, StageError& out);
void read(const Envelope& envelope, Probe& out);
void read(const Envelope& envelope, ProbeEcho& out);
void read(const Envelope& envelope, BlobRequest& out);
void read(const Envelope& envelope, Blob& out);
void read(const Envelope& envelope, BlobMissing& out);
void read(const Envelope& envelope, Register& out);
void read(const Envelope& envelope, Welcome& out);
void read(const Envelope& envelope, Heartbeat& out);
void read(const Envelope& envelope, HeartbeatEcho& out);
void read(const Envelope& envelope, Peers& out);
void read(const Envelope& envelope, PeerHello& out);
void read(const Envelope& envelope, MeasureKernels& out);
void read(const Envelope& envelope, KernelCosts& out);
void read(const Envelope& envelope, MeasureLink& out);
void read(const Envelope& envelope, LinkMeasured& out);
void read(const Envelope& envelope, TaskFailed& out);
void read(const Envelope& envelope, Deploy& out);
void read(const Envelope& envelope, DeployProgress& out);
void read(const Envelope& envelope, Ready& out);
void read(const Envelope& envelope, DeployFailed& out);
void read(const Envelope& envelope, Undeploy& out);
void read(const Envelope& envelope, ClientHello& out);
void read(const Envelope& envelope, OpenModel& out);
void read(const Envelope& envelope, OpenProgress& out);
void read(const Envelope& envelope, Planned& out);
void read(const Envelope& envelope, Opened& out);
void read(const Envelope& envelope, Replanned& out);
void read(const Envelope& envelope, ModelFailed& out);
void read(const Envelope& envelope, CloseModel& out);
void read(const Envelope& envelope, Submit& out);
void read(const Envelope& envelope, Answer& out);
void read(const Envelope& envelope, RequestFailed& out);
void read(const Envelope& envelope, CancelRequest& out);
void read(const Envelope& envelope, StatusRequest& out);
void read(const Envelope& envelope, Status& out);

}  // namespace shoal::wire
