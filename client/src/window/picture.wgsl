// Draws a picture of three planes (Y, U, V) into a rectangle with round corners, or the rectangle in one colour.

struct Place {
    // Left, top, width, height in pixels of the target.
    area: vec4<f32>,
    // The part of the picture that is shown: left, top, width, height, from 0 to 1.
    part: vec4<f32>,
    // Width and height of the target, radius of the corners, 1 for one colour.
    target_size: vec4<f32>,
    // Rows of the matrix from YUV to RGB; the last column is added.
    red: vec4<f32>,
    green: vec4<f32>,
    blue: vec4<f32>,
};

@group(0) @binding(0) var<uniform> place: Place;
@group(0) @binding(1) var plane_y: texture_2d<f32>;
@group(0) @binding(2) var plane_u: texture_2d<f32>;
@group(0) @binding(3) var plane_v: texture_2d<f32>;
@group(0) @binding(4) var smooth_sampler: sampler;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) at: vec2<f32>,
};

@vertex
fn corner(@builtin(vertex_index) index: u32) -> Corner {
    let at = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    let pixel = place.area.xy + at * place.area.zw;
    let unit = pixel / place.target_size.xy * 2.0 - 1.0;
    return Corner(vec4<f32>(unit.x, -unit.y, 0.0, 1.0), at);
}

@fragment
fn paint(corner: Corner) -> @location(0) vec4<f32> {
    let half = place.area.zw * 0.5;
    let radius = min(place.target_size.z, min(half.x, half.y));
    let from_centre = abs((corner.at - 0.5) * place.area.zw) - half + radius;
    let distance = length(max(from_centre, vec2<f32>(0.0))) + min(max(from_centre.x, from_centre.y), 0.0) - radius;
    let cover = clamp(0.5 - distance, 0.0, 1.0);
    if place.target_size.w > 0.5 {
        return vec4<f32>(place.red.x, place.green.x, place.blue.x, 1.0) * cover;
    }
    let at = place.part.xy + corner.at * place.part.zw;
    let yuv = vec4<f32>(
        textureSampleLevel(plane_y, smooth_sampler, at, 0.0).r,
        textureSampleLevel(plane_u, smooth_sampler, at, 0.0).r,
        textureSampleLevel(plane_v, smooth_sampler, at, 0.0).r,
        1.0,
    );
    let rgb = vec3<f32>(dot(place.red, yuv), dot(place.green, yuv), dot(place.blue, yuv));
    return vec4<f32>(clamp(rgb, vec3<f32>(0.0), vec3<f32>(1.0)), 1.0) * cover;
}
