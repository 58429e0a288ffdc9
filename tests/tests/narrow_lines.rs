//! A call over a line that carries little: the picture is as large as the line is worth.
#![cfg(target_os = "linux")]

use std::{
    io::{BufWriter, Write},
    path::Path,
    time::Duration,
};

use komado_tests::{
    namespace::Namespace,
    netem::{Link, Shape},
    product::Server,
    program::Program,
    stage::Stage,
};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// What a real film needs of a line, more or less: a textured ground that pans and fifty things that go their own ways.
fn write_film(path: &Path, width: usize, height: usize) {
    let mut file = BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg").unwrap();
    let mut luma = vec![0u8; width * height];
    for picture in 0..30usize {
        writeln!(file, "FRAME").unwrap();
        for (row, line) in luma.chunks_mut(width).enumerate() {
            for (column, sample) in line.iter_mut().enumerate() {
                let (x, y) = (column + 4 * picture, row + 2 * picture);
                let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 13;
                let wave = ((x as f32 / 37.0).sin() + (y as f32 / 23.0).cos()) * 40.0;
                *sample = (128.0 + wave + (grain % 24) as f32 - 12.0) as u8;
            }
        }
        for thing in 0..50usize {
            let (left, top) = ((thing * 97 + picture * (thing % 7 * 3)) % (width - 48), (thing * 61) % (height - 48));
            for line in luma.chunks_mut(width).skip(top).take(40) {
                line[left..left + 40].fill((thing * 5) as u8);
            }
        }
        file.write_all(&luma).unwrap();
        file.write_all(&vec![128; width * height / 2]).unwrap();
    }
    file.flush().unwrap();
}

fn wait_report(person: &Program, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let report = |event: &Value| event["event"] == "call_report" && wanted(&event["report"]);
    person.wait_for(what, SOON, report).unwrap()["report"].clone()
}

fn number(report: &Value, name: &str) -> f64 {
    report["video"][name].as_f64().unwrap()
}

#[test]
fn a_narrow_line_gets_a_smaller_picture_that_comes_in_time_and_a_wide_one_the_large_one_again() {
    let (office, world) = (Namespace::new().unwrap(), Namespace::new().unwrap());
    let narrow = Shape::delayed(20).with_rate(400_000, 64 * 1024);
    let line = Link::symmetric(&office, &world, narrow, 7).unwrap();
    let server = Server::start(&world, (line.far_address(), 80).into(), &[]).unwrap();
    let stage = Stage::around(office, server, &["alice", "bob"]).unwrap();
    let film = stage.place("film.y4m");
    write_film(Path::new(&film), 1280, 720);
    // Bob sits beside the server.
    let tone = ["--microphone", "tone"];
    let beside = stage.client("bob").inside(&world).by(&format!("http://{}", line.far_address()));
    let bob = beside.with(&["--answer"]).with(&tone).start().unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let calling = ["--with", "bob", "--call", "--camera", &film];
    let mut alice = stage.client("alice").with(&calling).with(&tone).start().unwrap();

    let small = wait_report(&bob, "bob to see a smaller picture", |report| {
        let width = number(report, "width");
        width > 0.0 && width <= 640.0 && number(report, "shown") > 300.0
    });
    assert_eq!(small["failures"], Value::Array(Vec::new()));
    // Of the last ten seconds, most pictures have come.
    let begin = number(&small, "shown");
    let at = small["duration_s"].as_f64().unwrap();
    let later = wait_report(&bob, "ten seconds more", |report| report["duration_s"].as_f64().unwrap() > at + 10.0);
    let rate = (number(&later, "shown") - begin) / (later["duration_s"].as_f64().unwrap() - at);
    assert!(rate > 15.0, "{rate} pictures a second: {later}");

    line.outward().reshape(Shape::delayed(20));
    line.homeward().reshape(Shape::delayed(20));
    wait_report(&bob, "bob to see a larger picture", |report| number(report, "width") > number(&later, "width"));
    alice.say("hangup").unwrap();
    alice.wait_event("call_ended", SOON).unwrap();
}
