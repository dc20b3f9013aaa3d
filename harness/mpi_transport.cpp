#include "harness/mpi_transport.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

constexpr int kTag = 7;

void check(int status, const char* what) {
  if (status != MPI_SUCCESS) {
    throw Error(ErrorKind::io, fmt::format("MPI: {} failed with status {}", what, status));
  }
}

}  // namespace

/// A message on its way: MPI reads its bytes until the request completes.
struct MpiTransport::Pending {
  std::string bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

MpiTransport::MpiTransport(int* argc, char*** argv) {
  int provided = 0;
  check(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "initialisation");
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "asking for the rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "asking for the number of ranks");
}

MpiTransport::~MpiTransport() {
  MPI_Finalize();
}

void MpiTransport::send(int to, std::string bytes) {
  if (to == rank_) {
    own_.push_back(std::move(bytes));
    return;
  }
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorKind::internal, fmt::format("MPI: a message of {} bytes", bytes.size()));
  }
  reap();
  auto message = std::make_unique<Pending>();
  message->bytes = std::move(bytes);
  check(MPI_Isend(message->bytes.data(), static_cast<int>(message->bytes.size()), MPI_BYTE, to,
                  kTag, MPI_COMM_WORLD, &message->request),
        "sending");
  pending_.push_back(std::move(message));
}

void MpiTransport::reap() {
  std::erase_if(pending_, [](const std::unique_ptr<Pending>& message) {
    int done = 0;
    check(MPI_Test(&message->request, &done, MPI_STATUS_IGNORE), "completing a message");
    return done != 0;
  });
}

std::optional<Transport::Message> MpiTransport::receive() {
  if (!own_.empty()) {
    Message message{rank_, std::move(own_.front())};
    own_.pop_front();
    return message;
  }
  if (!pending_.empty()) reap();
  if (size_ == 1) return std::nullopt;
  int arrived = 0;
  MPI_Message handle = MPI_MESSAGE_NULL;
  MPI_Status status;
  check(MPI_Improbe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &arrived, &handle, &status), "probing");
  if (arrived == 0) return std::nullopt;
  int length = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &length), "asking for a length");
  Message message{status.MPI_SOURCE, std::string(static_cast<std::size_t>(length), '\0')};
  check(MPI_Mrecv(message.bytes.data(), length, MPI_BYTE, &handle, MPI_STATUS_IGNORE), "receiving");
  return message;
}

void MpiTransport::flush() {
  for (const auto& message : pending_) {
    check(MPI_Wait(&message->request, MPI_STATUS_IGNORE), "completing a message");
  }
  pending_.clear();
}

bool started_by_mpi_launcher() noexcept {
  // Set by OpenMPI's mpirun, by PMIx launchers (srun) and by MPICH's.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

}  // namespace wbs::harness
