fn main() {
    println!("beckon");
}
