//! Prints `docs/xeps.md`; `cargo xtask docs` writes it.

fn main() {
    print!("{}", waxwing_xeps::reference());
}
