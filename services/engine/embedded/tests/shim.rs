//! The binary that tests execute again as the holder of runs.

fn main() {
    engine_shim::dispatch();
}
