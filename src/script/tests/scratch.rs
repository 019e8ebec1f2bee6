use crate::script::testing::{host, trial};
#[test]
fn scratch() {
    let scripts = std::fs::read_to_string("/tmp/scratch.txt").unwrap();
    for script in scripts.split("\n====\n") {
        let script = script.trim_end_matches('\n');
        println!("---- {script}");
        for e in host().check("scripts/test.rhai", script) {
            println!("CHECK {}", e.render(false));
        }
        let t = trial(script);
        let printed = t.printed.clone();
        match t.run() {
            Ok(o) => {
                for l in printed.lock().unwrap().iter() {
                    println!("{l}");
                }
                for a in &o.asked {
                    println!("ASKED {}:{}:{} {}", a.origin.source, a.origin.line, a.origin.column, a.intent.summary());
                }
                println!("=> {:?}", o.value);
            }
            Err(e) => println!("{}  [{} {:?}]", e.render(false), e.code, e.kind),
        }
    }
    std::fs::write("/tmp/reference.md", host().reference_markdown()).unwrap();
}
