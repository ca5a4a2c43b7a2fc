//! Runs the specification of the command line: each file in `tests/cmd` is one behaviour, and its name a sentence.

#[test]
fn every_case_in_tests_cmd_holds() {
    trycmd::TestCases::new()
        .register_bin("regcred", trycmd::cargo::cargo_bin!("regcred").to_owned())
        .case("tests/cmd/*/*.toml");
}

#[test]
fn the_first_help_fits_a_screen_of_80_by_40() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_regcred"))
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() <= 40, "{} lines", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
